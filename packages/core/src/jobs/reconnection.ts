// How long readers of a job retry while the VM cannot be reached.

import type { Clock } from '../adapter-ports.ts';
import { type AppError, isAppError } from '../app-error.ts';
import { pause } from '../concurrency/deadline.ts';
import { vmId } from '../model/vm.ts';
import { jobWatchLost } from './failures.ts';

export interface RetryOptions {
  readonly clock: Pick<Clock, 'elapsedMs'>;
  /** How long in a row the VM may be out of reach. */
  readonly maxUnreachableMs: number;
}

/**
 * Asks again while the VM cannot be reached, but may be soon.
 * Throws `SERVICE_UNAVAILABLE` with `details.job` once that has lasted too long or makes no sense; any other error, and the signal's reason, at once.
 */
export type RetryWhileUnreachable = <T>(
  job: string,
  ask: () => Promise<T>,
  signal: AbortSignal | undefined,
) => Promise<T>;

const retryMs = 1000;

export function createRetryWhileUnreachable({
  clock,
  maxUnreachableMs,
}: RetryOptions): RetryWhileUnreachable {
  return async (job, ask, signal) => {
    let failedAtMs: number | undefined;
    for (;;) {
      try {
        return await ask();
      } catch (error) {
        signal?.throwIfAborted();
        if (!isAppError(error, 'SERVICE_UNAVAILABLE')) throw error;
        failedAtMs ??= clock.elapsedMs();
        if (isFinal(error)) throw jobWatchLost(job, error, `${error.message}. What`);
        const unreachableMs = clock.elapsedMs() - failedAtMs;
        const waitMs = toRetryMs(error);
        if (unreachableMs + waitMs >= maxUnreachableMs) {
          throw jobWatchLost(job, error, `${vmId} has been out of reach for too long, and what`);
        }
        await pause(waitMs, signal);
      }
    }
  };
}

/** A VM that is off stays so until somebody starts it; a process that shuts down has no more connections. */
function isFinal({ details: { lifecycleState, reason } }: AppError): boolean {
  return (
    lifecycleState === 'STOPPED' ||
    lifecycleState === 'TERMINATING' ||
    lifecycleState === 'TERMINATED' ||
    reason === 'CONNECTION_CLOSED'
  );
}

function toRetryMs({ details: { retryAfterSeconds } }: AppError): number {
  return Math.max(retryMs, typeof retryAfterSeconds === 'number' ? retryAfterSeconds * 1000 : 0);
}
