// Node 20 has no AsyncDisposableStack: what was opened last is closed first, also when the next opening fails.

export interface Disposer extends AsyncDisposable {
  add(dispose: () => PromiseLike<unknown>): void;
  /** Returns it as it is, to be closed with the rest. */
  use<T extends AsyncDisposable>(opened: T): T;
}

/** Disposing runs every step, in reverse, even when some fail; then it rejects with what failed. */
export function createDisposer(): Disposer {
  const steps: (() => PromiseLike<unknown>)[] = [];
  return {
    add(dispose) {
      steps.push(dispose);
    },
    use(opened) {
      steps.push(() => opened[Symbol.asyncDispose]());
      return opened;
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

/** Nothing that closes only itself: it would leave the rest open. */
type Parts<T> = T & { readonly [Symbol.asyncDispose]?: never };

/**
 * Gives `open` a disposer that is disposed at once if `open` fails, else with the result.
 * @example
 * openAll(async (opened) => ({ app: opened.use(await startApp()) }))
 */
export async function openAll<T extends object>(
  open: (opened: Disposer) => Promise<Parts<T>>,
): Promise<T & AsyncDisposable> {
  const opened = createDisposer();
  try {
    const parts = await open(opened);
    return { ...parts, [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose]() };
  } catch (error) {
    await opened[Symbol.asyncDispose]();
    throw error;
  }
}

/**
 * The same for `beforeAll`: what it resolves with closes everything.
 * @example
 * beforeAll(() => openSuite(async (opened) => { app = opened.use(await startApp()); }));
 */
export async function openSuite(
  open: (opened: Disposer) => Promise<void>,
): Promise<() => Promise<void>> {
  const suite = await openAll(async (opened) => {
    await open(opened);
    return {};
  });
  return async () => suite[Symbol.asyncDispose]();
}
