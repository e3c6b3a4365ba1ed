// Bounds concurrent use of a resource: excess callers queue until a slot frees, instead of being refused by the resource.

export interface Limiter {
  readonly active: number;
  /** Waits in FIFO order for a slot, leaving `keepFree` slots free (at least one is always usable); the returned function releases it and may be called more than once. Rejects with the signal's reason. */
  acquire(signal: AbortSignal, options?: { readonly keepFree?: number }): Promise<() => void>;
  /** Rejects all queued callers. */
  fail(error: Error): void;
}

interface Waiter {
  readonly fits: () => boolean;
  readonly admit: () => void;
  readonly reject: (error: unknown) => void;
}

/** At most `max()` slots in use at any time; `max` is called for each caller. */
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
