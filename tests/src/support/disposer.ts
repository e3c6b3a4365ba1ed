// Node 20 has no AsyncDisposableStack: what was opened last is closed first, also when the next opening fails.

export interface Disposer extends AsyncDisposable {
  add(dispose: () => PromiseLike<unknown>): void;
}

/** Disposing runs every step, in reverse, even when some fail; then it rejects with what failed. */
export function createDisposer(): Disposer {
  const steps: (() => PromiseLike<unknown>)[] = [];
  return {
    add(dispose) {
      steps.push(dispose);
    },
    async [Symbol.asyncDispose]() {
      const failures: unknown[] = [];
      for (const step of steps.splice(0).reverse()) {
        try {
          await step();
        } catch (error) {
          failures.push(error);
        }
      }
      if (failures.length > 0) throw new AggregateError(failures, 'Not everything could be closed');
    },
  };
}

/** Gives `open` a disposer that is disposed at once if `open` fails, else belongs to the result. */
export async function openAll<T>(open: (opened: Disposer) => Promise<T>): Promise<T> {
  const opened = createDisposer();
  try {
    return await open(opened);
  } catch (error) {
    await opened[Symbol.asyncDispose]();
    throw error;
  }
}
