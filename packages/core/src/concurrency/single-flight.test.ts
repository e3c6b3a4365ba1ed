// Which reads share a call, with calls that the test resolves by hand.

import { expect, onTestFinished, test } from 'vitest';
import { createSingleFlight, freshMs } from './single-flight.ts';

function setUp({ deadlineMs = 60_000 } = {}) {
  let nowMs = 1_000_000;
  const reads = createSingleFlight({ nowMs: () => nowMs, deadlineMs });
  const calls: {
    resolve(value: string): void;
    reject(reason: unknown): void;
    signal: AbortSignal;
  }[] = [];
  onTestFinished(() => {
    for (const { resolve } of calls) resolve('abandoned');
  });
  const work = (signal: AbortSignal) =>
    new Promise<string>((resolve, reject) => calls.push({ resolve, reject, signal }));
  return {
    reads,
    calls,
    read: (signal?: AbortSignal, key = 'a thing') => reads.read(key, work, { signal }),
    keep: () => reads.read('a thing', work, { keep: true }),
    wait: (ms: number) => {
      nowMs += ms;
    },
  };
}

test('a thousand concurrent reads of one key share one call', async () => {
  const { read, calls } = setUp();
  const readers = Array.from({ length: 1000 }, () => read());
  expect(calls).toHaveLength(1);
  calls[0]?.resolve('it');
  expect(new Set(await Promise.all(readers))).toEqual(new Set(['it']));
});

test('reads of different keys do not share', () => {
  const { read, calls } = setUp();
  void read(undefined, 'one');
  void read(undefined, 'two');
  expect(calls).toHaveLength(2);
});

test('all readers of a failed call get its error, and the next read tries again', async () => {
  const { read, calls } = setUp();
  const readers = [read(), read()];
  const broken = new Error('broken');
  calls[0]?.reject(broken);
  for (const reader of readers) await expect(reader).rejects.toBe(broken);
  void read();
  expect(calls).toHaveLength(2);
});

test('a result is not reused by sequential reads', async () => {
  const { keep, calls, wait } = setUp();
  for (const each of [0, 1, 2, 3, 4, 5, 6]) {
    const reader = keep();
    calls[each]?.resolve(`answer ${each}`);
    expect(await reader).toBe(`answer ${each}`);
    wait(freshMs / 4);
  }
});

test('many concurrent readers also share the last result, until it is no longer fresh', async () => {
  const { keep, calls, wait } = setUp();
  const joined = Array.from({ length: 20 }, () => keep());
  wait(50);
  calls[0]?.resolve('it');
  await Promise.all(joined);
  expect(await keep()).toBe('it');
  wait(freshMs - 51);
  expect(await keep()).toBe('it');
  wait(1);
  const next = Array.from({ length: 5 }, () => keep());
  expect(calls).toHaveLength(2);
  calls[1]?.resolve('again');
  expect(new Set(await Promise.all(next))).toEqual(new Set(['again']));
  expect(await keep()).toBe('again');
  expect(calls).toHaveLength(2);
});

test('readers without `keep` get no kept result, and a failure is never kept', async () => {
  const { keep, read, calls } = setUp();
  const joined = Array.from({ length: 20 }, () => read());
  calls[0]?.resolve('it');
  await Promise.all(joined);
  const readers = [read(), keep()];
  expect(calls).toHaveLength(2);
  calls[1]?.reject(new Error('broken'));
  for (const reader of readers) await expect(reader).rejects.toThrow('broken');
  void keep();
  expect(calls).toHaveLength(3);
});

test('invalidate() discards the kept result', async () => {
  const { reads, keep, calls } = setUp();
  const joined = Array.from({ length: 20 }, () => keep());
  calls[0]?.resolve('before');
  await Promise.all(joined);
  reads.invalidate();
  const after = keep();
  calls[1]?.resolve('after');
  expect(await after).toBe('after');
});

test('a call that began before invalidate() takes no new readers, but answers those it has', async () => {
  const { reads, read, calls } = setUp();
  const before = read();
  reads.invalidate();
  const after = read();
  expect(calls).toHaveLength(2);
  calls[0]?.resolve('before');
  expect(await before).toBe('before');
  // The first call's end must not make the second unjoinable.
  const joined = read();
  expect(calls).toHaveLength(2);
  calls[1]?.resolve('after');
  expect(await Promise.all([after, joined])).toEqual(['after', 'after']);
});

test('a call takes no new readers once it is no longer fresh', () => {
  const { read, calls, wait } = setUp();
  void read();
  wait(freshMs - 1);
  void read();
  expect(calls).toHaveLength(1);
  wait(1);
  void read();
  expect(calls).toHaveLength(2);
});

test("one reader's abort leaves the others and the upstream call alone", async () => {
  const { read, calls } = setUp();
  const caller = new AbortController();
  const leaving = read(caller.signal);
  const staying = read();
  const left = new Error('left');
  caller.abort(left);
  await expect(leaving).rejects.toBe(left);
  expect(calls[0]?.signal.aborted).toBe(false);
  calls[0]?.resolve('it');
  expect(await staying).toBe('it');
});

test('the upstream call is aborted when its last reader aborts, and takes no new readers', async () => {
  const { read, calls } = setUp();
  const callers = [new AbortController(), new AbortController()];
  const readers = callers.map(({ signal }) => read(signal));
  for (const caller of callers) caller.abort(new Error('left'));
  for (const reader of readers) await expect(reader).rejects.toThrow('left');
  expect(calls[0]?.signal.aborted).toBe(true);
  void read();
  expect(calls).toHaveLength(2);
});

test('a reader that has aborted already starts no call', async () => {
  const { read, calls } = setUp();
  await expect(read(AbortSignal.abort(new Error('left')))).rejects.toThrow('left');
  expect(calls).toHaveLength(0);
});

test('a reader that aborts after its answer stops nothing', async () => {
  const { read, calls } = setUp();
  const caller = new AbortController();
  const reader = read(caller.signal);
  calls[0]?.resolve('it');
  await reader;
  const other = read();
  caller.abort();
  expect(calls[1]?.signal.aborted).toBe(false);
  calls[1]?.resolve('other');
  expect(await other).toBe('other');
});

test('a call that does not answer is aborted at the deadline, for all readers', async () => {
  const { read, calls } = setUp({ deadlineMs: 30 });
  const readers = [read(), read()];
  for (const reader of readers) {
    await expect(reader).rejects.toMatchObject({
      code: 'SERVICE_UNAVAILABLE',
      message: expect.stringContaining('a thing'),
    });
  }
  expect(calls[0]?.signal.aborted).toBe(true);
});
