// How long something that was lost is tried again, and how often.

import { isAppError } from '../errors.ts';
import type { LifecycleState } from '../model/vm.ts';
import type { Clock } from '../ports.ts';
import { pause } from './deadline.ts';

export interface OutageOptions {
  readonly clock: Pick<Clock, 'elapsedMs'>;
  readonly maxOutageMs?: number;
  /** What lived this long was no failed attempt. */
  readonly soundMs?: number;
}

export interface Outage {
  /** Call when an attempt has succeeded so far. */
  opened(): void;
  /** Call when it has brought something: the outage is over. */
  over(): void;
  /**
   * Waits until it is time for another attempt: none at first, longer each time, 8 s at most.
   * Throws `error` when another one makes no sense: it is no `SERVICE_UNAVAILABLE`, the VM is off, or the outage lasts for too long. Rejects with the signal's reason.
   */
  endure(error: unknown, signal: AbortSignal): Promise<void>;
}

export function createOutage({
  clock,
  maxOutageMs = 5 * 60_000,
  soundMs = 10_000,
}: OutageOptions): Outage {
  let sinceMs: number | undefined;
  let openedMs: number | undefined;
  let attempts = 0;
  const nowMs = () => clock.elapsedMs();
  const over = () => {
    sinceMs = undefined;
    attempts = 0;
  };

  return {
    opened() {
      openedMs = nowMs();
    },
    over,
    async endure(error, signal) {
      if (openedMs !== undefined && nowMs() - openedMs >= soundMs) over();
      openedMs = undefined;
      sinceMs ??= nowMs();
      if (!isPassing(error) || nowMs() - sinceMs >= maxOutageMs) throw error;
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
