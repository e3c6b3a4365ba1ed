// A rest that whoever has work to do may cut short.

export interface Rest {
  /** Resolves after that time, or with the next `end` or the signal's abort; undefined for no time of its own. One at a time. */
  begin(durationMs: number | undefined): Promise<void>;
  /** Ends the rest under way, if there is one. */
  end(): void;
}

export function createRest(signal: AbortSignal): Rest {
  let end = () => {};
  return {
    begin(durationMs) {
      if (signal.aborted) return Promise.resolve();
      return new Promise((resolve) => {
        const wake = () => {
          clearTimeout(timer);
          signal.removeEventListener('abort', wake);
          end = () => {};
          resolve();
        };
        const timer = durationMs === undefined ? undefined : setTimeout(wake, durationMs);
        signal.addEventListener('abort', wake, { once: true });
        end = wake;
      });
    },
    end: () => end(),
  };
}
