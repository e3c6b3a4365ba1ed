// Concurrent requests to start the same thing share one start and its outcome.

export interface SharedStarts<T> {
  /**
   * Runs `start`, unless a start of `key` is under way: then resolves with that one's outcome, once it is known.
   * Only a start that began it is `isOwn`.
   */
  start(key: string, start: () => Promise<T>): Promise<StartOutcome<T>>;
}

export type StartOutcome<T> =
  | { readonly isOwn: boolean; readonly value: T }
  | { readonly isOwn: boolean; readonly error: unknown };

/** Nothing is kept of a start that has ended. */
export function createSharedStarts<T>(): SharedStarts<T> {
  const underWay = new Map<string, Promise<StartOutcome<T>>>();

  return {
    async start(key, start) {
      const other = underWay.get(key);
      if (other !== undefined) return { ...(await other), isOwn: false };
      const own = start().then(
        (value) => ({ isOwn: true, value }),
        (error: unknown) => ({ isOwn: true, error }),
      );
      underWay.set(key, own);
      try {
        return await own;
      } finally {
        underWay.delete(key);
      }
    },
  };
}
