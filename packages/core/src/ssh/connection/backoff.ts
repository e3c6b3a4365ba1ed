// When the next attempt to connect may start: soon after a first failure, rarely while the VM stays unreachable, never in a tight loop.

export interface Backoff {
  /** How long until an attempt may begin; 0 when one may begin now. */
  remainingMs(): number;
  /** An attempt that began at `startedAtMs` has failed; a refused login counts against us at sshd and waits at least 30 s. */
  failed(options: { readonly startedAtMs: number; readonly loginRefused: boolean }): void;
  /** An open connection was lost after `livedMs`; one that hardly lived counts as a failure. */
  lost(options: { readonly livedMs: number }): void;
  /** Lets the next attempt begin now, and counts from the start; only a refused login is waited out. For one who asks at a pace of its own. */
  hurry(): void;
  /** Forgets everything: the next attempt may begin now. */
  reset(): void;
}

export interface BackoffOptions {
  /** Milliseconds that never go back. */
  readonly nowMs: () => number;
  /** As `Math.random`. */
  readonly random: () => number;
}

const delaysMs = [500, 1000, 2000, 4000, 8000] as const;
// Jitter only shortens, and so little that five minutes without a connection see at most 45 attempts.
const jitter = 0.08;
const refusedLoginMs = 30_000;
const refusedLoginSpreadMs = 3_000;
const shortLifeMs = 1_000;
// After an attempt that itself took longer than its delay: enough to never spin.
const leastPauseMs = 250;

/**
 * Delays run from the *beginning* of the failed attempt, so that attempts which time out do not add their own length to the wait.
 * The first attempt after `reset` or after a connection that had lasted may start at once.
 */
export function createBackoff({ nowMs, random }: BackoffOptions): Backoff {
  let failures = 0;
  let notBeforeMs = Number.NEGATIVE_INFINITY;
  let isLoginRefused = false;

  const delay = () => {
    const baseMs = delaysMs[Math.min(failures, delaysMs.length - 1)] ?? 0;
    failures += 1;
    return baseMs * (1 - jitter * random());
  };

  return {
    remainingMs: () => Math.max(0, notBeforeMs - nowMs()),
    failed({ startedAtMs, loginRefused }) {
      const afterMs = startedAtMs + delay();
      isLoginRefused = loginRefused;
      notBeforeMs = loginRefused
        ? nowMs() + refusedLoginMs + refusedLoginSpreadMs * random()
        : Math.max(afterMs, nowMs() + leastPauseMs);
    },
    lost({ livedMs }) {
      isLoginRefused = false;
      if (livedMs >= shortLifeMs) failures = 0;
      notBeforeMs = livedMs >= shortLifeMs ? nowMs() : nowMs() + delay();
    },
    hurry() {
      if (isLoginRefused) return;
      failures = 0;
      notBeforeMs = Number.NEGATIVE_INFINITY;
    },
    reset() {
      isLoginRefused = false;
      failures = 0;
      notBeforeMs = Number.NEGATIVE_INFINITY;
    },
  };
}
