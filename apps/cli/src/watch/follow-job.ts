// Follows a job to its end.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Job, JobOutput, OnDemandClient, SubscribeOptions } from '@ondemand/client';

export interface FollowJobOptions extends SubscribeOptions {
  readonly id: string;
  readonly signal: AbortSignal;
  /** Asked for nothing more before it has resolved. */
  readonly onOutput: (output: JobOutput) => Promise<void> | void;
}

/** All of the job's output from its beginning, then the job as it ended. Throws what the API answers, and when `signal` is aborted. */
export async function followJob(
  client: OnDemandClient,
  { id, onOutput, ...how }: FollowJobOptions,
): Promise<Job> {
  for await (const output of client.jobs.output.subscribe({ id }, how)) await onOutput(output);
  for (;;) {
    const job = await client.jobs.get.query({ id }, { signal: how.signal });
    if (job.state !== 'running') return job;
    await sleep(pauseMs, undefined, { signal: how.signal }); // its output has ended, so it is about to
  }
}

const pauseMs = 500;
