// Work that must finish before the process exits, even after a signal; each piece has its own deadline.

export interface UnfinishedWork {
  /** Gives `work` back. */
  add<T>(work: Promise<T>): Promise<T>;
  /** Resolves when nothing is left; never rejects. */
  done(): Promise<void>;
}

export function createUnfinishedWork(): UnfinishedWork {
  const pending = new Set<Promise<unknown>>();
  return {
    add(work) {
      const forget = () => void pending.delete(work);
      pending.add(work);
      work.then(forget, forget);
      return work;
    },
    async done() {
      while (pending.size > 0) await Promise.allSettled(pending);
    },
  };
}
