// Which words must not show in a job's output: those of its container's environment before the job, and those after it.

import type { EnvironmentWords, JobRecord } from '../adapter-ports.ts';

/** Of the container as it is now; undefined where that could not be read. */
export type PresentWords = EnvironmentWords | 'gone' | undefined;

/**
 * Undefined where they are not known, so that nothing may show. `all` are the jobs that are kept, with the words of before each.
 * The words of after a job are those of the container that it left: one created before the job's end, as it was found later.
 * Jobs end in whole seconds: a container that was created in that second may be of the next job, so the words of both are hidden.
 */
export function toHiddenWords(
  id: string,
  all: readonly JobRecord[],
  present: PresentWords,
): readonly string[] | undefined {
  const job = all.find((each) => each.id === id);
  if (job?.secrets === undefined) return undefined;
  const after = findAfter(job, job.secrets, all, present);
  return after && [...job.secrets.words, ...after];
}

function findAfter(
  { id, state, target, startedAt, finishedAt }: JobRecord,
  before: EnvironmentWords,
  all: readonly JobRecord[],
  present: PresentWords,
): readonly string[] | undefined {
  if (state === 'running') return present === 'gone' ? [] : present?.words;
  const later = all
    .filter((each) => each.id !== id && each.target === target && each.startedAt >= startedAt)
    .filter((each) => each.startedAt > startedAt || !isOlder(each.secrets, before))
    .map(({ secrets }) => secrets);
  const found = present === 'gone' ? later : [present, ...later];
  const endMs = Date.parse(finishedAt ?? startedAt);
  const left = found
    .flatMap((each) => (each ? [{ words: each.words, createdMs: Date.parse(each.createdAt) }] : []))
    .filter(({ createdMs }) => createdMs < endMs + 1000)
    .sort((a, b) => b.createdMs - a.createdMs);
  const surelyAt = left.findIndex(({ createdMs }) => createdMs < endMs);
  if (left.length === 0 || (surelyAt !== 0 && found.includes(undefined))) return undefined;
  return left.slice(0, surelyAt === -1 ? undefined : surelyAt + 1).flatMap(({ words }) => words);
}

function isOlder(words: EnvironmentWords | undefined, than: EnvironmentWords): boolean {
  return words !== undefined && Date.parse(words.createdAt) < Date.parse(than.createdAt);
}
