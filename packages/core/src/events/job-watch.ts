// Watches the jobs on the VM by comparing their list with the one before.

import type { Clock } from '../adapter-ports.ts';
import { withDeadline } from '../concurrency/deadline.ts';
import { type PollLoop, startPollLoop } from '../concurrency/poll-loop.ts';
import type { Jobs } from '../jobs/jobs.ts';
import type { OnDemandEvent } from '../model/event.ts';
import type { Job, JobState } from '../model/job.ts';

export interface JobsWatchOptions {
  readonly jobs: Pick<Jobs, 'list'>;
  readonly clock: Clock;
  readonly publish: (event: OnDemandEvent) => void;
  /** Whether to poll: there are listeners, and the VM is connected. */
  readonly isWanted: () => boolean;
  readonly intervalMs: number;
  /** While a job runs. */
  readonly runningIntervalMs: number;
  readonly signal: AbortSignal;
}

/** An event for each new job and each change of a state. The jobs of the first list are known without one. */
export function watchJobs({
  jobs,
  clock,
  publish,
  isWanted,
  intervalMs,
  runningIntervalMs,
  signal,
}: JobsWatchOptions): PollLoop {
  let known: ReadonlyMap<string, JobState> | undefined;

  return startPollLoop({ poll: compare, minIntervalMs: Math.min(50, intervalMs), signal });

  async function compare(): Promise<number> {
    try {
      if (isWanted()) take(await list());
    } catch {
      // The next poll asks again.
    }
    const isRunning = [...(known?.values() ?? [])].includes('running');
    return isRunning ? runningIntervalMs : intervalMs;
  }

  function list(): Promise<Job[]> {
    return withDeadline((inner) => jobs.list({ output: false, signal: inner }), {
      timeoutMs: maxListMs,
      signal,
      onTimeout: () => new Error('The VM did not say in time which jobs there are'),
    });
  }

  function take(found: readonly Job[]): void {
    const before = known;
    known = new Map(found.map(({ id, state }) => [id, state]));
    if (before === undefined) return;
    // The newest is the first in the list, and the last to be told.
    for (const job of [...found].reverse()) {
      const { id, kind, target, state } = job;
      if (before.get(id) === state) continue;
      publish({ type: 'job', time: toTime(job), id, kind, target, state });
    }
  }

  /** When it happened, which may be long before it was seen here; unknown for a lost job. */
  function toTime({ state, startedAt, finishedAt }: Job): string {
    if (state === 'running') return startedAt;
    return finishedAt ?? clock.now().toISOString();
  }
}

const maxListMs = 20_000;
