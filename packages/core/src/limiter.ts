// Bounds how many use something at once: whoever comes too many waits here for a place, instead of being refused there.

export interface Limiter {
  readonly active: number;
  /** Waits for a place, first come first served; the returned function gives it back, once however often it is called. Rejects with the signal's reason. */
  acquire(signal: AbortSignal): Promise<() => void>;
  /** Rejects all who wait. */
  fail(error: Error): void;
}

interface Waiter {
  readonly admit: () => void;
  readonly reject: (error: unknown) => void;
}

/** At most `max()` places taken at any time; asked anew for everyone who comes. */
export function createLimiter(max: () => number): Limiter {
  const waiters = new Set<Waiter>();
  let active = 0;

  const take = () => {
    active += 1;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      active -= 1;
      const [next] = waiters;
      next?.admit();
    };
  };

  return {
    get active() {
      return active;
    },
    acquire(signal) {
      if (signal.aborted) return Promise.reject(signal.reason);
      if (active < max()) return Promise.resolve(take());
      return new Promise((resolve, reject) => {
        const leave = () => {
          waiters.delete(waiter);
          signal.removeEventListener('abort', onAbort);
        };
        const waiter: Waiter = {
          admit: () => {
            leave();
            resolve(take());
          },
          reject: (error) => {
            leave();
            reject(error);
          },
        };
        const onAbort = () => waiter.reject(signal.reason);
        signal.addEventListener('abort', onAbort, { once: true });
        waiters.add(waiter);
      });
    },
    fail(error) {
      for (const waiter of [...waiters]) waiter.reject(error);
    },
  };
}
