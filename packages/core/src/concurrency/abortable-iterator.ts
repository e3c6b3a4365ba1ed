// A generator that waits cannot be ended from outside, its `return` waits as well: this makes one that can.

/**
 * Lets the reader of `values` leave at any time: `leaving` is aborted first, and a `next` that waits meanwhile ends as done.
 * The generator has to heed that signal.
 */
export function toAbortableIterator<T>(
  values: AsyncGenerator<T, void, void>,
  leaving: AbortController,
): AsyncIterableIterator<T, undefined> {
  let left = false;
  const iterator: AsyncIterableIterator<T, undefined> = {
    [Symbol.asyncIterator]: () => iterator,
    async next() {
      try {
        const result = await values.next();
        return result.done ? ended : result;
      } catch (error) {
        if (left) return ended;
        throw error;
      }
    },
    async return() {
      left = true;
      leaving.abort();
      await values.return().catch(() => {}); // that it was left is no failure to its reader
      return ended;
    },
  };
  return iterator;
}

const ended = { done: true, value: undefined } as const;
