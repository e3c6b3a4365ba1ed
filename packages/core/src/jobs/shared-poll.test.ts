// Polling jobs of a faked host: how many calls many readers cost, and that none waits long or is forgotten.

import { expect, test } from 'vitest';
import type { JobReading, JobSpan } from '../adapter-ports.ts';
import { until } from '../testing/until.test-support.ts';
import { createJobWatch } from './shared-poll.ts';

interface Call {
  readonly spans: readonly JobSpan[];
  readonly waitMs: number;
  answer(news?: readonly Partial<JobReading>[]): void;
  fail(error: Error): void;
}

function setUp() {
  const calls: Call[] = [];
  const open = new Set<Call>();
  let mostAtOnce = 0;
  const watch = createJobWatch({
    read: (spans, { waitMs }) =>
      new Promise((resolve, reject) => {
        const call: Call = {
          spans,
          waitMs,
          answer(news = []) {
            open.delete(call);
            const quiet = { state: 'running' as const, bytes: new Uint8Array(), done: false };
            resolve(
              spans.map((span) => ({
                ...span,
                ...quiet,
                ...news.find(
                  ({ id, offset }) => id === span.id && (offset ?? span.offset) === span.offset,
                ),
              })),
            );
          },
          fail(error) {
            open.delete(call);
            reject(error);
          },
        };
        calls.push(call);
        open.add(call);
        mostAtOnce = Math.max(mostAtOnce, open.size);
      }),
  });
  return {
    calls,
    watch,
    mostAtOnce: () => mostAtOnce,
    async call(n: number): Promise<Call> {
      await until(() => calls.length > n);
      const call = calls[n];
      if (call === undefined) throw new Error(`No call ${n}`);
      return call;
    },
  };
}

const bytes = Uint8Array.of(1, 2, 3);

test('those who come together share one call that waits on the VM', async () => {
  const { watch, calls, call } = setUp();
  const readers = Array.from({ length: 50 }, (_, n) =>
    watch.next({ id: n % 2 === 0 ? 'a' : 'b', offset: 0 }),
  );
  const first = await call(0);
  expect(first.spans).toEqual([
    { id: 'a', offset: 0 },
    { id: 'b', offset: 0 },
  ]);
  expect(first.waitMs).toBeGreaterThan(0);
  first.answer([{ id: 'a', bytes }]);
  await readers[0];
  const second = await call(1);
  expect(second.spans).toEqual([{ id: 'b', offset: 0 }]);
  second.answer([{ id: 'b', done: true, state: 'succeeded' }]);
  expect((await Promise.all(readers)).map(({ id }) => id)).toEqual(
    Array.from({ length: 50 }, (_, n) => (n % 2 === 0 ? 'a' : 'b')),
  );
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(calls).toHaveLength(2);
});

test('a reader that joins while a call waits is answered at once, and takes part in the next call', async () => {
  const { watch, call, mostAtOnce } = setUp();
  const early = watch.next({ id: 'a', offset: 0 });
  const waiting = await call(0);
  const busy = watch.next({ id: 'b', offset: 5 });
  const quiet = watch.next({ id: 'c', offset: 0 });
  const glance = await call(1);
  expect(glance).toMatchObject({
    waitMs: 0,
    spans: [
      { id: 'b', offset: 5 },
      { id: 'c', offset: 0 },
    ],
  });
  glance.answer([{ id: 'b', bytes }]);
  expect((await busy).bytes).toBe(bytes);
  waiting.answer();
  const next = await call(2);
  expect(next.spans).toEqual([
    { id: 'c', offset: 0 },
    { id: 'a', offset: 0 },
  ]);
  next.answer([
    { id: 'a', state: undefined },
    { id: 'c', bytes },
  ]);
  expect((await early).state).toBeUndefined();
  await quiet;
  expect(mostAtOnce()).toBe(2);
});

test('a failure is told to all of its call, and to nobody else', async () => {
  const { watch, call } = setUp();
  const gone = new Error('connection lost');
  const first = watch.next({ id: 'a', offset: 0 });
  const waiting = await call(0);
  const other = watch.next({ id: 'b', offset: 0 });
  (await call(1)).answer();
  waiting.fail(gone);
  await expect(first).rejects.toBe(gone);
  (await call(2)).answer([{ id: 'b', bytes }]);
  await other;
});

test('a reader that aborts is removed, and without readers nothing is asked', async () => {
  const { watch, calls, call } = setUp();
  const caller = new AbortController();
  const reading = watch.next({ id: 'a', offset: 0 }, { signal: caller.signal });
  const staying = watch.next({ id: 'a', offset: 0 });
  const first = await call(0);
  caller.abort(new Error('left'));
  await expect(reading).rejects.toThrow('left');
  first.answer();
  (await call(1)).answer([{ id: 'a', bytes }]);
  await staying;
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(calls).toHaveLength(2);
});

test('more than fit into one call take turns', async () => {
  const { watch, call } = setUp();
  const readers = Array.from({ length: 150 }, (_, n) => watch.next({ id: `j${n}`, offset: 0 }));
  const first = await call(0);
  expect(first.spans).toHaveLength(100);
  first.answer();
  const second = await call(1);
  expect(second.spans[0]).toEqual({ id: 'j100', offset: 0 });
  second.answer(second.spans.map(({ id }) => ({ id, bytes })));
  const third = await call(2);
  third.answer(third.spans.map(({ id }) => ({ id, bytes })));
  await Promise.all(readers);
});

test('300 places in one output cost few calls: what one brings along serves the others', async () => {
  let calls = 0;
  const log = Buffer.from('0123456789'.repeat(100));
  const watch = createJobWatch({
    read: async (spans) => {
      calls += 1;
      return spans.map((span, index) => {
        const bytes = index < 10 ? log.subarray(span.offset) : new Uint8Array();
        return { ...span, state: 'succeeded' as const, bytes, done: bytes.length > 0 };
      });
    },
  });
  const offsets = Array.from({ length: 300 }, (_, index) => (index * 577) % log.length);
  const readings = await Promise.all(offsets.map((offset) => watch.next({ id: 'a', offset })));
  for (const [index, { offset, bytes, done }] of readings.entries()) {
    expect(offset).toBe(offsets[index]);
    expect(Buffer.from(bytes).equals(log.subarray(offset))).toBe(true);
    expect(done).toBe(true);
  }
  expect(calls).toBeLessThan(10);
});
