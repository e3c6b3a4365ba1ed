// Which words must not show in a job's output: those of its container's environment before the job, and those after it.

import type { EnvironmentWords, JobRecord } from '../ports.ts';

/** Of the container as it is now; undefined where that could not be read. */
export type PresentWords = EnvironmentWords | 'gone' | undefined;

/**
 * Undefined where they are not known, so that nothing may show. `all` are the jobs that are kept, with the words of before each.
 * The words of after a job are those of the container that it left: one created before the job's end, as it was found later.
 */
export function toHiddenWords(
  id: string,
  all: readonly JobRecord[],
  present: PresentWords,
): readonly string[] | undefined {
  const job = all.find((each) => each.id === id);
  const before = job?.secrets;
  const after = job && findAfter(job, all, present);
  return before && after && [...before.words, ...after];
}

function findAfter(
  { state, target, startedAt, finishedAt }: JobRecord,
  all: readonly JobRecord[],
  present: PresentWords,
): readonly string[] | undefined {
  if (state === 'running') return present === 'gone' ? [] : present?.words;
  const later = all
    .filter((each) => each.target === target && each.startedAt > startedAt)
    .map(({ secrets }) => secrets);
  const found = present === 'gone' ? later : [present, ...later];
  const endsBeforeMs = Date.parse(finishedAt ?? startedAt) + 1000; // whole seconds
  return found.find((each) => each && Date.parse(each.createdAt) < endsBeforeMs)?.words;
}
