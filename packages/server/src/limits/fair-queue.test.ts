import { afterEach, expect, test, vi } from 'vitest';
import { createFairShare } from './fair-queue.ts';

const { signal } = new AbortController();

afterEach(() => {
  vi.useRealTimers();
});

async function isIn(entering: Promise<unknown>): Promise<boolean> {
  return Promise.race([
    entering.then(() => true),
    new Promise<boolean>((r) => setImmediate(() => r(false))),
  ]);
}

test('a subject with its share under way waits for its own, and no other subject for it', async () => {
  const share = createFairShare({ perSubject: 2, inAll: 10 });
  const first = await share.enter('a', signal);
  await share.enter('a', signal);
  const third = share.enter('a', signal);
  expect(await isIn(third)).toBe(false);
  expect(await isIn(share.enter('b', signal))).toBe(true);
  first();
  expect(await isIn(third)).toBe(true);
});

test('a caller that aborts while it waits takes no slot', async () => {
  const share = createFairShare({ perSubject: 1, inAll: 10 });
  const first = await share.enter('a', signal);
  const leaving = new AbortController();
  const left = share.enter('a', leaving.signal);
  const next = share.enter('a', signal);
  leaving.abort(new Error('gone'));
  await expect(left).rejects.toThrow('gone');
  first();
  first();
  expect(await isIn(next)).toBe(true);
});

test('a free slot goes to the subject with the fewest, not to the longest waiter', async () => {
  const share = createFairShare({ perSubject: 2, inAll: 3 });
  const [ofA] = [await share.enter('a', signal), await share.enter('a', signal)];
  const ofB = await share.enter('b', signal);
  const more = ['a', 'a', 'b', 'c'].map((sub) => share.enter(sub, signal));
  ofA();
  expect(await Promise.all(more.map(isIn))).toEqual([false, false, false, true]);
  ofB();
  expect(await Promise.all(more.map(isIn))).toEqual([false, false, true, true]);
});

test('subjects take turns when there are more of them than places', async () => {
  const share = createFairShare({ perSubject: 2, inAll: 1 });
  const order: string[] = [];
  const work = async (sub: string) => {
    const leave = await share.enter(sub, signal);
    order.push(sub);
    await new Promise(setImmediate);
    leave();
  };
  await Promise.all(['a', 'a', 'a', 'b', 'c', 'c'].map(work));
  expect(order.slice(1, 4).sort()).toEqual(['a', 'b', 'c']);
});

test('a wait ends after its time, and takes no place later', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const share = createFairShare({ perSubject: 1, inAll: 1, waitMs: 1000 });
  const first = await share.enter('a', signal);
  const late = expect(share.enter('b', signal)).rejects.toMatchObject({
    code: 'SERVICE_UNAVAILABLE',
    details: { reason: 'TOO_MANY_REQUESTS', retryAfterSeconds: 5 },
  });
  await vi.advanceTimersByTimeAsync(1000);
  await late;
  first();
  expect(await isIn(share.enter('c', signal))).toBe(true);
});
