// A signal that aborts when the user interrupts or the time is up.

export interface Deadline extends Disposable {
  /** Aborts as the outer signal does, or with a `TimeoutError` when the time is up. */
  readonly signal: AbortSignal;
  /** What `work` gives, or at once a rejection with the signal's reason when that aborts, even when `work` ignores it. */
  bound<T>(work: Promise<T>): Promise<T>;
  /** True once the time was up before anything else ended it. */
  isOver(): boolean;
}

/**
 * Comes whatever garbage is collected, as its timer holds its signal; disposing of it leaves no timer and no listener behind.
 * On Node 20 `AbortSignal.any` loses a timeout that nothing else holds (https://github.com/nodejs/node/issues/57736), and up to
 * Node 22 a `fetch` with `redirect: 'error'` loses its signal once the answer has begun, so a request needs `bound` too.
 */
export function startDeadline(timeoutMs: number, outer: AbortSignal): Deadline {
  const controller = new AbortController();
  let isOver = false;
  const abort = (): void => controller.abort(outer.reason);
  const timer = setTimeout(() => {
    isOver = !controller.signal.aborted;
    controller.abort(new DOMException(`Not done within ${timeoutMs} ms`, 'TimeoutError'));
  }, timeoutMs);
  if (outer.aborted) abort();
  outer.addEventListener('abort', abort, { once: true });
  return {
    signal: controller.signal,
    bound: (work) => Promise.race([work, rejectWhenAborted(controller.signal)]),
    isOver: () => isOver,
    [Symbol.dispose]() {
      clearTimeout(timer);
      outer.removeEventListener('abort', abort);
    },
  };
}

function rejectWhenAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
