// A sleep that can be woken early.

export interface WakeableSleep {
  /** Resolves after `durationMs`, at the next `wake`, or when the signal aborts; `undefined` sets no timer. One at a time. */
  start(durationMs: number | undefined): Promise<void>;
  /** Ends the sleep under way, if there is one. */
  wake(): void;
}

export function createWakeableSleep(signal: AbortSignal): WakeableSleep {
  let wake = () => {};
  return {
    start(durationMs) {
      if (signal.aborted) return Promise.resolve();
      return new Promise((resolve) => {
        const end = () => {
          clearTimeout(timer);
          signal.removeEventListener('abort', end);
          wake = () => {};
          resolve();
        };
        const timer = durationMs === undefined ? undefined : setTimeout(end, durationMs);
        signal.addEventListener('abort', end, { once: true });
        wake = end;
      });
    },
    wake: () => wake(),
  };
}
