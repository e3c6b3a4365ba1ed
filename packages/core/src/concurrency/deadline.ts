// Deadlines that also stop the work they give up on.

/** How long `work` may take, what may stop it earlier, and the error at the deadline. */
export interface DeadlineOptions {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  readonly onTimeout: () => unknown;
}

/**
 * Runs `work` with a signal that aborts at the deadline and when the caller aborts.
 * Rejects in that moment with `onTimeout()` or the caller's reason, even when `work` ignores its signal; leaves no timer and no listener behind.
 */
export function withDeadline<T>(
  work: (signal: AbortSignal) => Promise<T>,
  { timeoutMs, signal, onTimeout }: DeadlineOptions,
): Promise<T> {
  if (signal?.aborted) return Promise.reject(signal.reason);
  return new Promise<T>((resolve, reject) => {
    const controller = new AbortController();
    const stop = (reason: unknown) => {
      settle();
      reject(reason);
      controller.abort(reason);
    };
    const timer = setTimeout(() => stop(onTimeout()), atLeastNone(timeoutMs));
    const onAbort = () => stop(signal?.reason);
    const settle = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    startNow(work, controller.signal).then(resolve, reject).finally(settle);
  });
}

/** Waits, unless the signal aborts first: then rejects with its reason. */
export function pause(durationMs: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.reject(signal.reason);
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, atLeastNone(durationMs));
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** What is left until a moment that has passed is nothing; Node 24 warns of a negative time. */
function atLeastNone(ms: number): number {
  return Math.max(0, ms);
}

/** A work that throws at once rejects like any other. */
async function startNow<T>(
  work: (signal: AbortSignal) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  return work(signal);
}
