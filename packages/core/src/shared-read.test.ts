// Who shares a flight and who does not, with flights that the test lands by hand.

import { expect, test } from 'vitest';
import { createSharedReads } from './shared-read.ts';

function setUp({ deadlineMs = 60_000 } = {}) {
  let nowMs = Date.parse('2026-01-01T00:00:00Z');
  const reads = createSharedReads({ clock: { now: () => new Date(nowMs) }, deadlineMs });
  const flights: {
    resolve(value: string): void;
    reject(reason: unknown): void;
    signal: AbortSignal;
  }[] = [];
  const work = (signal: AbortSignal) =>
    new Promise<string>((resolve, reject) => flights.push({ resolve, reject, signal }));
  return {
    reads,
    flights,
    read: (signal?: AbortSignal, key = 'a thing') => reads.read(key, work, { signal }),
    wait: (ms: number) => {
      nowMs += ms;
    },
  };
}

test('a thousand readers of one thing share one flight', async () => {
  const { read, flights } = setUp();
  const readers = Array.from({ length: 1000 }, () => read());
  expect(flights).toHaveLength(1);
  flights[0]?.resolve('it');
  expect(new Set(await Promise.all(readers))).toEqual(new Set(['it']));
});

test('readers of different things do not share', () => {
  const { read, flights } = setUp();
  void read(undefined, 'one');
  void read(undefined, 'two');
  expect(flights).toHaveLength(2);
});

test('all readers of a failed flight get its error, and the next read tries again', async () => {
  const { read, flights } = setUp();
  const readers = [read(), read()];
  const broken = new Error('broken');
  flights[0]?.reject(broken);
  for (const reader of readers) await expect(reader).rejects.toBe(broken);
  void read();
  expect(flights).toHaveLength(2);
});

test('nothing is kept once it was answered', async () => {
  const { read, flights } = setUp();
  const first = read();
  flights[0]?.resolve('old');
  await first;
  const second = read();
  flights[1]?.resolve('new');
  expect(await second).toBe('new');
});

test('a flight that began before an action ended takes no new readers, but answers those it has', async () => {
  const { reads, read, flights } = setUp();
  const before = read();
  reads.invalidate();
  const after = read();
  expect(flights).toHaveLength(2);
  flights[0]?.resolve('before');
  expect(await before).toBe('before');
  // The first flight's end must not make the second unjoinable.
  const joined = read();
  expect(flights).toHaveLength(2);
  flights[1]?.resolve('after');
  expect(await Promise.all([after, joined])).toEqual(['after', 'after']);
});

test('a flight takes no readers once it is two seconds old', () => {
  const { read, flights, wait } = setUp();
  void read();
  wait(1999);
  void read();
  expect(flights).toHaveLength(1);
  wait(1);
  void read();
  expect(flights).toHaveLength(2);
});

test('a clock that was set back makes no flight younger', () => {
  const { read, flights, wait } = setUp();
  void read();
  wait(-5000);
  void read();
  expect(flights).toHaveLength(2);
});

test("one reader's abort leaves the others and the upstream call alone", async () => {
  const { read, flights } = setUp();
  const caller = new AbortController();
  const leaving = read(caller.signal);
  const staying = read();
  const left = new Error('left');
  caller.abort(left);
  await expect(leaving).rejects.toBe(left);
  expect(flights[0]?.signal.aborted).toBe(false);
  flights[0]?.resolve('it');
  expect(await staying).toBe('it');
});

test('the upstream call is aborted when the last reader leaves, and nobody joins it any more', async () => {
  const { read, flights } = setUp();
  const callers = [new AbortController(), new AbortController()];
  const readers = callers.map(({ signal }) => read(signal));
  for (const caller of callers) caller.abort(new Error('left'));
  for (const reader of readers) await expect(reader).rejects.toThrow('left');
  expect(flights[0]?.signal.aborted).toBe(true);
  void read();
  expect(flights).toHaveLength(2);
});

test('a reader that has left before it began starts nothing', async () => {
  const { read, flights } = setUp();
  await expect(read(AbortSignal.abort(new Error('left')))).rejects.toThrow('left');
  expect(flights).toHaveLength(0);
});

test('a reader that leaves after its answer stops nothing', async () => {
  const { read, flights } = setUp();
  const caller = new AbortController();
  const reader = read(caller.signal);
  flights[0]?.resolve('it');
  await reader;
  const other = read();
  caller.abort();
  expect(flights[1]?.signal.aborted).toBe(false);
  flights[1]?.resolve('other');
  expect(await other).toBe('other');
});

test('a silent upstream ends for all readers at the deadline, and is aborted', async () => {
  const { read, flights } = setUp({ deadlineMs: 30 });
  const readers = [read(), read()];
  for (const reader of readers) {
    await expect(reader).rejects.toMatchObject({
      code: 'SERVICE_UNAVAILABLE',
      message: expect.stringContaining('a thing'),
    });
  }
  expect(flights[0]?.signal.aborted).toBe(true);
});

test('after a flight that a crowd shared, the next one waits for more of the crowd; a lone reader never waits', async () => {
  const { read, flights } = setUp();
  const crowd = Array.from({ length: 20 }, () => read());
  flights[0]?.resolve('it');
  await Promise.all(crowd);
  const early = read();
  expect(flights).toHaveLength(1); // it gathers
  await new Promise((resolve) => setTimeout(resolve, 20));
  const late = read();
  await expect.poll(() => flights.length).toBe(2);
  flights[1]?.resolve('again');
  expect(await Promise.all([early, late])).toEqual(['again', 'again']);
  void read(undefined, 'a thing of its own');
  expect(flights).toHaveLength(3);
});

test('a few readers make no one wait', async () => {
  const { read, flights } = setUp();
  const few = [read(), read(), read()];
  flights[0]?.resolve('it');
  await Promise.all(few);
  void read();
  expect(flights).toHaveLength(2);
});
