// Bounds how many use something at once: whoever comes too many waits here for a place, instead of being refused there.

export interface Limiter {
  readonly active: number;
  /** Waits for a place, first come first served, while more than `keepFree` are left (at least one can always be had); the returned function gives it back, once however often it is called. Rejects with the signal's reason. */
  acquire(signal: AbortSignal, options?: { readonly keepFree?: number }): Promise<() => void>;
  /** Rejects all who wait. */
  fail(error: Error): void;
}

interface Waiter {
  readonly fits: () => boolean;
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
      for (const waiter of waiters) if (waiter.fits()) return waiter.admit();
    };
  };

  return {
    get active() {
      return active;
    },
    acquire(signal, { keepFree = 0 } = {}) {
      if (signal.aborted) return Promise.reject(signal.reason);
      const fits = () => active < Math.max(1, max() - keepFree);
      if (fits()) return Promise.resolve(take());
      return new Promise((resolve, reject) => {
        const leave = () => {
          waiters.delete(waiter);
          signal.removeEventListener('abort', onAbort);
        };
        const waiter: Waiter = {
          fits,
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
