// Makes a generator abortable while it waits: its own `return` would wait for the pending `next`.

/**
 * Lets the reader of `values` return at any time: that aborts `leaving` first, and a pending `next` resolves as done.
 * The generator must end when that signal aborts.
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
      await values.return().catch(() => {}); // returning early is not a failure for the reader
      return ended;
    },
  };
  return iterator;
}

const ended = { done: true, value: undefined } as const;
