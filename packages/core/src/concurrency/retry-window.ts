// How long and how often a lost connection is retried.

import type { Clock } from '../adapter-ports.ts';
import { isAppError } from '../app-error.ts';
import type { LifecycleState } from '../model/vm.ts';
import { pause } from './deadline.ts';

export interface RetryWindowOptions {
  readonly clock: Pick<Clock, 'elapsedMs'>;
  readonly maxDurationMs?: number;
  /** A connection that lasted this long does not count as a failed attempt. */
  readonly stableMs?: number;
}

export interface RetryWindow {
  /** Call when an attempt has succeeded so far. */
  attemptSucceeded(): void;
  /** Call when the connection delivered something: the window starts over at the next failure. */
  reset(): void;
  /**
   * Waits before the next attempt: not at all at first, longer each time, 8 s at most.
   * Throws `error` when a retry is pointless: it is not `SERVICE_UNAVAILABLE`, the VM is off, or the window is over. Rejects with the signal's reason.
   */
  waitOrThrow(error: unknown, signal: AbortSignal): Promise<void>;
}

export function createRetryWindow({
  clock,
  maxDurationMs = 5 * 60_000,
  stableMs = 10_000,
}: RetryWindowOptions): RetryWindow {
  let sinceMs: number | undefined;
  let openedMs: number | undefined;
  let attempts = 0;
  const nowMs = () => clock.elapsedMs();
  const reset = () => {
    sinceMs = undefined;
    attempts = 0;
  };

  return {
    attemptSucceeded() {
      openedMs = nowMs();
    },
    reset,
    async waitOrThrow(error, signal) {
      if (openedMs !== undefined && nowMs() - openedMs >= stableMs) reset();
      openedMs = undefined;
      sinceMs ??= nowMs();
      if (!isPassing(error) || nowMs() - sinceMs >= maxDurationMs) throw error;
      await pause(toPauseMs(attempts, error), signal);
      attempts += 1;
    },
  };
}

const maxPauseMs = 8000;
const offStates: readonly unknown[] = [
  'STOPPED',
  'STOPPING',
  'TERMINATED',
  'TERMINATING',
] satisfies LifecycleState[];

function isPassing(error: unknown): boolean {
  return (
    isAppError(error, 'SERVICE_UNAVAILABLE') && !offStates.includes(error.details.lifecycleState)
  );
}

function toPauseMs(attempts: number, error: unknown): number {
  const asked = isAppError(error) ? error.details.retryAfterSeconds : undefined;
  const askedMs = typeof asked === 'number' ? asked * 1000 : 0;
  const grownMs = attempts === 0 ? 0 : 250 * 2 ** Math.min(attempts - 1, 5);
  return Math.min(maxPauseMs, Math.max(askedMs, grownMs));
}
