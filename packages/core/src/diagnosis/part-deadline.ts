// One deadline for all parts of a diagnosis, which stops whatever has not answered by then.

import type { Clock } from '../adapter-ports.ts';
import { AppError } from '../app-error.ts';
import { withDeadline } from '../concurrency/deadline.ts';

/** Runs a part, named as the subject of a sentence. Rejects with `SERVICE_UNAVAILABLE`, `details.reason` `TIMEOUT`, at the deadline of all. */
export type Within = <T>(what: string, work: (signal: AbortSignal) => Promise<T>) => Promise<T>;

export function createDeadline({
  clock,
  totalMs,
  signal,
}: {
  readonly clock: Clock;
  readonly totalMs: number;
  readonly signal: AbortSignal;
}): Within {
  const endsAtMs = clock.elapsedMs() + totalMs;
  return async (what, work) => {
    const startedMs = clock.elapsedMs();
    const timeoutMs = Math.max(0, endsAtMs - startedMs);
    return withDeadline(work, { timeoutMs, signal, onTimeout: () => noAnswer(what, timeoutMs) });
  };
}

function noAnswer(what: string, timeoutMs: number): AppError {
  return new AppError(
    'SERVICE_UNAVAILABLE',
    `${what} did not answer within ${Math.ceil(timeoutMs / 1000)} s; ask again, and look at the network between this API and it`,
    { text: 'No answer in time', details: { reason: 'TIMEOUT' } },
  );
}
