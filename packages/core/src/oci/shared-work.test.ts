import { expect, test } from 'vitest';
import { createSharedWork } from './shared-work.ts';

/** Work that ends when the test says so, and keeps the signal of each time that it was started. */
function createWork() {
  const runs: (PromiseWithResolversOf<string> & { readonly signal: AbortSignal })[] = [];
  const shared = createSharedWork((signal) => {
    const run = { ...withResolvers<string>(), signal };
    runs.push(run);
    return run.promise;
  });
  return { shared, runs };
}

interface PromiseWithResolversOf<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (reason: unknown) => void;
}

function withResolvers<T>(): PromiseWithResolversOf<T> {
  let resolve: (value: T) => void = () => {};
  let reject: (reason: unknown) => void = () => {};
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}

test('all who come at the same time get the one result, whoever comes later a new one', async () => {
  const { shared, runs } = createWork();
  const both = Promise.all([shared.join(), shared.join()]);
  runs[0]?.resolve('first');
  expect(await both).toEqual(['first', 'first']);
  const later = shared.join();
  runs[1]?.resolve('second');
  expect(await later).toBe('second');
  expect(runs).toHaveLength(2);
});

test('who gives up leaves alone: the others still get the result', async () => {
  const { shared, runs } = createWork();
  const impatient = new AbortController();
  const left = shared.join(impatient.signal);
  const stayed = shared.join(new AbortController().signal);
  const reason = new Error('the reader left');
  impatient.abort(reason);
  await expect(left).rejects.toBe(reason);
  expect(runs[0]?.signal.aborted).toBe(false);
  runs[0]?.resolve('done');
  expect(await stayed).toBe('done');
});

test('the last to give up stops the work, and nobody joins it any more', async () => {
  const { shared, runs } = createWork();
  const [one, other] = [new AbortController(), new AbortController()];
  const left = [shared.join(one.signal), shared.join(other.signal)];
  one.abort(new Error('one'));
  other.abort(new Error('other'));
  const next = shared.join();
  expect((await Promise.allSettled(left)).map(({ status }) => status)).toEqual([
    'rejected',
    'rejected',
  ]);
  expect(runs.map(({ signal }) => signal.aborted)).toEqual([true, false]);
  runs[0]?.reject(new Error('stopped'));
  runs[1]?.resolve('fresh');
  expect(await next).toBe('fresh');
});

test('a stopped work that ends late does not let go of the one under way', async () => {
  const { shared, runs } = createWork();
  const controller = new AbortController();
  const left = shared.join(controller.signal);
  controller.abort(new Error('left'));
  await expect(left).rejects.toThrow('left');
  const one = shared.join();
  runs[0]?.resolve('late');
  await runs[0]?.promise;
  const other = shared.join();
  runs[1]?.resolve('fresh');
  expect([await one, await other]).toEqual(['fresh', 'fresh']);
  expect(runs).toHaveLength(2);
});

test('a signal that is aborted already starts nothing', async () => {
  const { shared, runs } = createWork();
  await expect(shared.join(AbortSignal.abort(new Error('gone')))).rejects.toThrow('gone');
  expect(runs).toEqual([]);
});

test('start() is joined by who comes, and its failure concerns nobody else (an unhandled rejection would fail the run)', async () => {
  const { shared, runs } = createWork();
  shared.start();
  shared.start();
  expect(runs).toHaveLength(1);
  const joined = shared.join();
  runs[0]?.resolve('done');
  expect(await joined).toBe('done');
  shared.start();
  runs[1]?.reject(new Error('nobody hears this'));
  await runs[1]?.promise.catch(() => {});
  shared.start();
  expect(runs).toHaveLength(3);
});
