// Work that several callers need at once is done once; who gives up leaves alone, and who leaves last stops it.

export interface SharedWork<T> {
  /** Starts the work unless it is under way, for nobody in particular; its failure is only told to those who join. */
  start(): void;
  /** Starts the work or joins the one under way. Rejects with its error, or with the signal's reason when that aborts first; the last to leave aborts the work. */
  join(signal?: AbortSignal): Promise<T>;
}

interface Run<T> {
  readonly outcome: Promise<T>;
  readonly abort: (reason: unknown) => void;
  waiting: number;
}

/** Builds the work's one place; what has ended is not kept, so the next to come starts it again. */
export function createSharedWork<T>(work: (signal: AbortSignal) => Promise<T>): SharedWork<T> {
  let current: Run<T> | undefined;

  return {
    start() {
      current ??= run();
    },
    join(signal) {
      if (signal?.aborted) return Promise.reject(signal.reason);
      current ??= run();
      const joined = current;
      joined.waiting += 1;
      return new Promise((resolve, reject) => {
        const leave = () => {
          joined.waiting -= 1;
          reject(signal?.reason);
          if (joined.waiting > 0) return;
          // Before anybody else joins what is about to end.
          forget(joined);
          joined.abort(signal?.reason);
        };
        const stay = () => signal?.removeEventListener('abort', leave);
        signal?.addEventListener('abort', leave, { once: true });
        joined.outcome.then(resolve, reject).finally(stay);
      });
    },
  };

  function run(): Run<T> {
    const controller = new AbortController();
    const started: Run<T> = {
      outcome: work(controller.signal),
      abort: (reason) => controller.abort(reason),
      waiting: 0,
    };
    started.outcome.then(
      () => forget(started),
      () => forget(started),
    );
    return started;
  }

  function forget(run: Run<T>): void {
    if (current === run) current = undefined;
  }
}
