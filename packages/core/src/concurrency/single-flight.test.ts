// Which reads share a call, with calls that the test resolves by hand.

import { expect, onTestFinished, test } from 'vitest';
import type { ReadShare } from '../adapter-ports.ts';
import { createSingleFlight, type SingleFlightOptions } from './single-flight.ts';

function setUp(options: Partial<SingleFlightOptions> = {}) {
  const prepared: (() => void)[] = [];
  const reads = createSingleFlight({
    deadlineMs: 60_000,
    maxWaitMs: 60_000,
    maxCollectMs: 60_000,
    later: (begin) => prepared.push(begin),
    ...options,
  });
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
  /** What is prepared begins, if it may. */
  const turn = async () => {
    for (let turns = 0; turns < 3; turns += 1) {
      for (let times = 0; times < 10; times += 1) await Promise.resolve(); // for a call that has just ended
      for (const begin of prepared.splice(0)) begin();
      for (let times = 0; times < 10; times += 1) await Promise.resolve(); // for a place that is free
    }
  };
  return {
    reads,
    calls,
    turn,
    prepared,
    read: (signal?: AbortSignal, key = 'a thing') => reads.read(key, work, { signal }),
    readIn: (share: ReadShare, signal?: AbortSignal) =>
      reads.read('a thing', work, { share, signal }),
  };
}

/** Places that the test gives by hand. */
function createShare(owner: string) {
  const waiting: { resolve(leave: () => void): void; reject(error: Error): void }[] = [];
  const counts = { entered: 0, left: 0, gaveUp: 0 };
  const share: ReadShare = {
    owner,
    enter: (signal) =>
      new Promise((resolve, reject) => {
        counts.entered += 1;
        waiting.push({ resolve, reject });
        signal.addEventListener('abort', () => {
          counts.gaveUp += 1;
          reject(signal.reason);
        });
      }),
  };
  return { share, waiting, counts, leave: () => (counts.left += 1) };
}

test('a thousand concurrent reads of one key share one call', async () => {
  const { read, calls, turn } = setUp();
  const readers = Array.from({ length: 1000 }, () => read());
  await turn();
  expect(calls).toHaveLength(1);
  calls[0]?.resolve('it');
  expect(new Set(await Promise.all(readers))).toEqual(new Set(['it']));
});

test.each([
  ['waits for readers who are still arriving', { maxCollectMs: 60_000 }, 0],
  ['does not wait for long', { maxCollectMs: 0 }, 1],
])('a call %s', async (_, options, begun) => {
  const { read, calls, prepared, turn } = setUp(options);
  const readers = [read()];
  for (let turns = 0; turns < 3; turns += 1) {
    readers.push(read());
    for (const begin of prepared.splice(0)) begin();
  }
  expect(calls).toHaveLength(begun);
  await turn();
  calls[0]?.resolve('it');
  expect(await readers[0]).toBe('it');
});

test('a call that failed before it was sent takes those who joined it along, and the next read begins anew', async () => {
  const { reads, calls, turn } = setUp();
  let send = () => {};
  const read = () =>
    reads.read(
      'a thing',
      (signal, onSend) => {
        send = onSend;
        return new Promise<string>((resolve, reject) => calls.push({ resolve, reject, signal }));
      },
      { reportsSend: true },
    );
  const readers = [read()];
  await turn();
  readers.push(read());
  await turn();
  expect(calls).toHaveLength(1);
  const refused = new Error('no connection');
  calls[0]?.reject(refused);
  for (const reader of readers) await expect(reader).rejects.toBe(refused);
  const third = read();
  await turn();
  send();
  const fourth = read();
  calls[1]?.resolve('third');
  await turn();
  calls[2]?.resolve('fourth');
  expect(await Promise.all([third, fourth])).toEqual(['third', 'fourth']);
});

test('without a hand to turn it, a call begins by itself', async () => {
  const reads = createSingleFlight({ deadlineMs: 60_000 });
  const work = async () => 'it';
  expect(await Promise.all([1, 2].map(() => reads.read('a thing', work)))).toEqual(['it', 'it']);
});

test('reads of different keys do not share', async () => {
  const { read, calls, turn } = setUp();
  void read(undefined, 'one');
  void read(undefined, 'two');
  await turn();
  expect(calls).toHaveLength(2);
});

test('a read never joins a call that began before it: it shares the next one, which begins once that has ended', async () => {
  const { read, calls, turn } = setUp();
  const first = read();
  await turn();
  const later = Array.from({ length: 20 }, () => read());
  await turn();
  expect(calls).toHaveLength(1);
  calls[0]?.resolve('before');
  expect(await first).toBe('before');
  await turn();
  expect(calls).toHaveLength(2);
  calls[1]?.resolve('after');
  expect(new Set(await Promise.all(later))).toEqual(new Set(['after']));
});

test('a call that takes long does not hold the next one up for long', async () => {
  const { read, calls, turn } = setUp({ maxWaitMs: 10 });
  const slow = read();
  await turn();
  const later = read();
  const countCalls = async () => {
    await turn();
    return calls.length;
  };
  await expect.poll(countCalls).toBe(2);
  calls[1]?.resolve('later');
  expect(await later).toBe('later');
  calls[0]?.resolve('slow');
  expect(await slow).toBe('slow');
});

test('where nothing changes, a call begins at once', async () => {
  const reads = createSingleFlight({ deadlineMs: 60_000, joinsRunning: true });
  let calls = 0;
  const work = async () => (calls += 1);
  const reader = reads.read('a thing', work);
  expect(calls).toBe(1);
  expect(await reader).toBe(1);
});

test('where nothing changes, readers join a call that has begun', async () => {
  const { read, calls, turn } = setUp({ joinsRunning: true });
  const first = read();
  await turn();
  const later = read();
  calls[0]?.resolve('it');
  expect(await Promise.all([first, later])).toEqual(['it', 'it']);
  await turn();
  expect(calls).toHaveLength(1);
});

test('all readers of a failed call get its error, and the next read tries again', async () => {
  const { read, calls, turn } = setUp();
  const readers = [read(), read()];
  await turn();
  const broken = new Error('broken');
  calls[0]?.reject(broken);
  for (const reader of readers) await expect(reader).rejects.toBe(broken);
  void read();
  await turn();
  expect(calls).toHaveLength(2);
});

test('a result is not reused by a read that comes after it', async () => {
  const { read, calls, turn } = setUp();
  for (const each of [0, 1, 2, 3, 4, 5, 6]) {
    const reader = read();
    await turn();
    calls[each]?.resolve(`answer ${each}`);
    expect(await reader).toBe(`answer ${each}`);
  }
});

test("one reader's abort leaves the others and the upstream call alone", async () => {
  const { read, calls, turn } = setUp();
  const caller = new AbortController();
  const leaving = read(caller.signal);
  const staying = read();
  await turn();
  const left = new Error('left');
  caller.abort(left);
  await expect(leaving).rejects.toBe(left);
  expect(calls[0]?.signal.aborted).toBe(false);
  calls[0]?.resolve('it');
  expect(await staying).toBe('it');
});

test('the upstream call is aborted when its last reader aborts, and holds up no new one', async () => {
  const { read, calls, turn } = setUp();
  const callers = [new AbortController(), new AbortController()];
  const readers = callers.map(({ signal }) => read(signal));
  await turn();
  for (const caller of callers) caller.abort(new Error('left'));
  for (const reader of readers) await expect(reader).rejects.toThrow('left');
  expect(calls[0]?.signal.aborted).toBe(true);
  void read();
  await turn();
  expect(calls).toHaveLength(2);
});

test('a call whose readers all left before it began does not begin, and those who come later have their own', async () => {
  const { read, calls, turn } = setUp();
  const caller = new AbortController();
  const leaving = read(caller.signal);
  caller.abort(new Error('left'));
  await expect(leaving).rejects.toThrow('left');
  await turn();
  expect(calls).toHaveLength(0);
  const reader = read();
  await turn();
  calls[0]?.resolve('it');
  expect(await reader).toBe('it');
});

test('a reader that has aborted already starts no call', async () => {
  const { read, calls, turn } = setUp();
  await expect(read(AbortSignal.abort(new Error('left')))).rejects.toThrow('left');
  await turn();
  expect(calls).toHaveLength(0);
});

test('a reader that aborts after its answer stops nothing', async () => {
  const { read, calls, turn } = setUp();
  const caller = new AbortController();
  const reader = read(caller.signal);
  await turn();
  calls[0]?.resolve('it');
  await reader;
  const other = read();
  await turn();
  caller.abort();
  expect(calls[1]?.signal.aborted).toBe(false);
  calls[1]?.resolve('other');
  expect(await other).toBe('other');
});

test('a call that does not answer is aborted at the deadline, for all readers', async () => {
  const { read, calls, turn } = setUp({ deadlineMs: 30 });
  const readers = [read(), read()];
  await turn();
  for (const reader of readers) {
    await expect(reader).rejects.toMatchObject({
      code: 'SERVICE_UNAVAILABLE',
      message: expect.stringContaining('a thing'),
      details: { reason: 'TIMEOUT' },
    });
  }
  expect(calls[0]?.signal.aborted).toBe(true);
});

test('a thousand readers of one share take one place, and give it back', async () => {
  const { readIn, calls, turn } = setUp();
  const ann = createShare('ann');
  const readers = Array.from({ length: 1000 }, () => readIn(ann.share));
  await turn();
  expect([calls.length, ann.counts.entered]).toEqual([0, 1]);
  ann.waiting[0]?.resolve(ann.leave);
  await turn();
  calls[0]?.resolve('it');
  expect(new Set(await Promise.all(readers))).toEqual(new Set(['it']));
  expect(ann.counts).toEqual({ entered: 1, left: 1, gaveUp: 0 });
});

test('a reader whose share is used up holds up nobody who joins: the first place that is free begins the call', async () => {
  const { readIn, calls, turn } = setUp();
  const [ann, bob, cid] = ['ann', 'bob', 'cid'].map(createShare);
  const readers = [readIn(ann?.share as ReadShare), readIn(cid?.share as ReadShare)];
  await turn();
  readers.push(readIn(bob?.share as ReadShare)); // while places are waited for
  await turn();
  expect(calls).toHaveLength(0);
  bob?.waiting[0]?.resolve(bob.leave);
  await turn();
  expect(calls).toHaveLength(1);
  calls[0]?.resolve('it');
  expect(await Promise.all(readers)).toEqual(['it', 'it', 'it']);
  expect([ann, bob, cid].map((each) => each?.counts)).toEqual([
    { entered: 1, left: 0, gaveUp: 1 },
    { entered: 1, left: 1, gaveUp: 0 },
    { entered: 1, left: 0, gaveUp: 1 },
  ]);
});

test('a share that gives no place fails its own readers alone', async () => {
  const { readIn, calls, turn } = setUp();
  const [ann, bob] = [createShare('ann'), createShare('bob')];
  const readers = [readIn(ann.share), readIn(ann.share), readIn(bob.share)];
  await turn();
  const full = new Error('full');
  ann.waiting[0]?.reject(full);
  await expect(readers[0]).rejects.toBe(full);
  await expect(readers[1]).rejects.toBe(full);
  bob.waiting[0]?.resolve(bob.leave);
  await turn();
  calls[0]?.resolve('it');
  expect(await readers[2]).toBe('it');
});

test('a reader that leaves while it waits for a place gives the wait up', async () => {
  const { readIn, calls, turn } = setUp();
  const [ann, bob] = [createShare('ann'), createShare('bob')];
  const caller = new AbortController();
  const leaving = readIn(ann.share, caller.signal);
  const staying = readIn(bob.share);
  await turn();
  caller.abort(new Error('left'));
  await expect(leaving).rejects.toThrow('left');
  expect(ann.counts.gaveUp).toBe(1);
  bob.waiting[0]?.resolve(bob.leave);
  await turn();
  calls[0]?.resolve('it');
  expect(await staying).toBe('it');
});
