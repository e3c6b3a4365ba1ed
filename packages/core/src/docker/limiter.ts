// Bounds how many requests are at the engine at once, since each may hold a channel of its own.

import { withDeadline } from '../deadline.ts';
import { AppError } from '../errors.ts';
import type { CallOptions } from '../ports.ts';

export interface LimiterOptions {
  /** Asked anew for every request: the way to the engine decides it. */
  readonly limit: () => number;
  readonly waitTimeoutMs: number;
}

export interface Limiter {
  /** Runs `work` once fewer than `limit` others run; first come, first served. Throws `SERVICE_UNAVAILABLE` when that takes longer than `waitTimeoutMs`. */
  run<T>(work: () => Promise<T>, options?: CallOptions): Promise<T>;
}

/** Builds a limiter; one per engine. */
export function createLimiter({ limit, waitTimeoutMs }: LimiterOptions): Limiter {
  const waiting = new Set<() => void>();
  let running = 0;

  return {
    async run(work, { signal } = {}) {
      if (running < limit()) running += 1;
      else await takeTurn(signal);
      try {
        return await work();
      } finally {
        giveTurn();
      }
    },
  };

  /** A turn is handed on: `running` stays as it is. */
  function giveTurn(): void {
    const [next] = waiting;
    if (next === undefined) running -= 1;
    else {
      waiting.delete(next);
      next();
    }
  }

  function takeTurn(signal: AbortSignal | undefined): Promise<void> {
    return withDeadline(
      (stopped) =>
        new Promise<void>((resolve) => {
          waiting.add(resolve);
          stopped.addEventListener('abort', () => waiting.delete(resolve), { once: true });
        }),
      {
        timeoutMs: waitTimeoutMs,
        signal,
        onTimeout: () =>
          new AppError(
            'SERVICE_UNAVAILABLE',
            `More than ${limit()} requests wait for Docker on oci-flex; try again in a moment`,
          ),
      },
    );
  }
}
