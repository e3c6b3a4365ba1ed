// Jobs as text for people.

import type { Job, JobState } from '@ondemand/client';
import { formatDuration } from '../output/duration.ts';
import { formatAge, formatMoment } from '../output/past-time.ts';
import type { Style, TextStyle } from '../output/style.ts';
import { type Column, toFacts, toTable } from '../output/table.ts';

export interface JobView {
  readonly style: Style;
  readonly now: Date;
  /** Of the terminal; undefined where there is none. */
  readonly width?: number | undefined;
}

/** A narrower terminal has no room for what is always the same. */
const wideColumns = 100;

export function toJobTable(jobs: readonly Job[], { style, now, width }: JobView): string {
  const isWide = width === undefined || width >= wideColumns;
  const kind: Column<Job> = { title: 'KIND', cell: (job) => job.kind };
  const columns: readonly Column<Job>[] = [
    { title: 'JOB', isWhole: true, cell: ({ id }) => id },
    ...(isWide ? [kind] : []),
    { title: 'TARGET', cell: ({ target }) => target },
    {
      title: 'STATE',
      isWhole: true,
      cell: ({ state }) => state,
      textStyle: ({ state }) => toJobStyle(state),
    },
    { title: 'STARTED', isWhole: true, cell: ({ startedAt }) => formatAge(startedAt, now) },
    { title: 'DURATION', cell: (job) => toDuration(job, now) ?? '' },
  ];
  return toTable(columns, jobs, style, width);
}

export function toJobFacts(job: Job, { style, now, width }: JobView): string {
  const { id, kind, target, state, startedAt, finishedAt, exitCode } = job;
  const duration = toDuration(job, now);
  return toFacts(
    [
      ['Job', id, 'bold'],
      ['Kind', kind],
      ['Target', target],
      ['State', state, toJobStyle(state)],
      ['Started', formatMoment(startedAt, now)],
      finishedAt === null ? undefined : ['Finished', formatMoment(finishedAt, now)],
      duration === undefined ? undefined : ['Duration', duration],
      exitCode === null ? undefined : ['Exit code', String(exitCode)],
    ],
    style,
    width,
  );
}

export function toJobStyle(state: JobState): TextStyle | undefined {
  const styles: Readonly<Record<JobState, TextStyle>> = {
    running: 'yellow',
    succeeded: 'green',
    failed: 'red',
    cancelled: 'yellow',
    lost: 'red',
  };
  return styles[state];
}

/** How a job ended that did not succeed: one sentence without its stop. */
export function toJobFailure({ kind, target, state, exitCode }: Job): string {
  if (state === 'cancelled') return `${kind} ${target} was cancelled`;
  return state === 'lost'
    ? `${kind} ${target} was lost: the VM went down before it had ended`
    : `${kind} ${target} failed${exitCode === null ? '' : ` with exit code ${exitCode}`}`;
}

/** Undefined for one that was lost: nobody knows when. */
function toDuration({ state, startedAt, finishedAt }: Job, now: Date): string | undefined {
  if (finishedAt === null && state !== 'running') return undefined;
  const end = finishedAt === null ? now.getTime() : Date.parse(finishedAt);
  return formatDuration(Math.max(0, end - Date.parse(startedAt)));
}
