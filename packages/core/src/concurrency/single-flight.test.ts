// Who shares a flight and who does not, with flights that the test lands by hand.

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
    for (const { resolve } of calls) resolve('nobody waits for this any more');
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

test('a thousand readers of one thing share one flight', async () => {
  const { read, calls } = setUp();
  const readers = Array.from({ length: 1000 }, () => read());
  expect(calls).toHaveLength(1);
  calls[0]?.resolve('it');
  expect(new Set(await Promise.all(readers))).toEqual(new Set(['it']));
});

test('readers of different things do not share', () => {
  const { read, calls } = setUp();
  void read(undefined, 'one');
  void read(undefined, 'two');
  expect(calls).toHaveLength(2);
});

test('all readers of a failed flight get its error, and the next read tries again', async () => {
  const { read, calls } = setUp();
  const readers = [read(), read()];
  const broken = new Error('broken');
  calls[0]?.reject(broken);
  for (const reader of readers) await expect(reader).rejects.toBe(broken);
  void read();
  expect(calls).toHaveLength(2);
});

test('nothing is kept once it was answered, for one reader after the other', async () => {
  const { keep, calls, wait } = setUp();
  for (const each of [0, 1, 2, 3, 4, 5, 6]) {
    const reader = keep();
    calls[each]?.resolve(`answer ${each}`);
    expect(await reader).toBe(`answer ${each}`);
    wait(freshMs / 4);
  }
});

test('a crowd gets what has just been answered, until it is no longer fresh', async () => {
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

test('a crowd that did not ask for it gets nothing that was kept, and nobody gets a failure twice', async () => {
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

test('an action ends what was kept', async () => {
  const { reads, keep, calls } = setUp();
  const joined = Array.from({ length: 20 }, () => keep());
  calls[0]?.resolve('before');
  await Promise.all(joined);
  reads.invalidate();
  const after = keep();
  calls[1]?.resolve('after');
  expect(await after).toBe('after');
});

test('a flight that began before an action ended takes no new readers, but answers those it has', async () => {
  const { reads, read, calls } = setUp();
  const before = read();
  reads.invalidate();
  const after = read();
  expect(calls).toHaveLength(2);
  calls[0]?.resolve('before');
  expect(await before).toBe('before');
  // The first flight's end must not make the second unjoinable.
  const joined = read();
  expect(calls).toHaveLength(2);
  calls[1]?.resolve('after');
  expect(await Promise.all([after, joined])).toEqual(['after', 'after']);
});

test('a flight takes no readers once it is no longer fresh', () => {
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

test('the upstream call is aborted when the last reader leaves, and nobody joins it any more', async () => {
  const { read, calls } = setUp();
  const callers = [new AbortController(), new AbortController()];
  const readers = callers.map(({ signal }) => read(signal));
  for (const caller of callers) caller.abort(new Error('left'));
  for (const reader of readers) await expect(reader).rejects.toThrow('left');
  expect(calls[0]?.signal.aborted).toBe(true);
  void read();
  expect(calls).toHaveLength(2);
});

test('a reader that has left before it began starts nothing', async () => {
  const { read, calls } = setUp();
  await expect(read(AbortSignal.abort(new Error('left')))).rejects.toThrow('left');
  expect(calls).toHaveLength(0);
});

test('a reader that leaves after its answer stops nothing', async () => {
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

test('a silent upstream ends for all readers at the deadline, and is aborted', async () => {
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
