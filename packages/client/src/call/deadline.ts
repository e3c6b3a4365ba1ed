// Bounds a call with a deadline that also aborts it.

export interface DeadlineOptions {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  readonly onTimeout: () => unknown;
  readonly onAbort: (reason: unknown) => unknown;
}

/** What a timer can hold, some 24 days. */
const maxTimeoutMs = 2 ** 31 - 1;

/**
 * Runs `work` with a signal that aborts at the deadline and when the caller aborts.
 * Rejects in that moment with what `onTimeout` or `onAbort` gives, even when `work` ignores its signal; leaves no timer and no listener behind.
 */
export async function withDeadline<T>(
  work: (signal: AbortSignal) => Promise<T>,
  { timeoutMs, signal, onTimeout, onAbort }: DeadlineOptions,
): Promise<T> {
  if (signal?.aborted) throw onAbort(signal.reason);
  const controller = new AbortController();
  const stopped = rejectWhenAborted(controller.signal);
  const abort = () => controller.abort(onAbort(signal?.reason));
  const timer = setTimeout(() => controller.abort(onTimeout()), Math.min(timeoutMs, maxTimeoutMs));
  signal?.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([work(controller.signal), stopped]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  }
}

function rejectWhenAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
