import { expect, test } from 'vitest';
import { createFairShare } from './fair-share.ts';

const { signal } = new AbortController();

async function isIn(entering: Promise<unknown>): Promise<boolean> {
  return Promise.race([
    entering.then(() => true),
    new Promise<boolean>((r) => setImmediate(() => r(false))),
  ]);
}

test('a subject with its share under way waits for its own, and no other subject for it', async () => {
  const shares = createFairShare({ perSubject: 2 });
  const first = await shares.enter('a', signal);
  await shares.enter('a', signal);
  const third = shares.enter('a', signal);
  expect(await isIn(third)).toBe(false);
  expect(await isIn(shares.enter('b', signal))).toBe(true);
  first();
  expect(await isIn(third)).toBe(true);
});

test('whoever leaves while waiting takes no place', async () => {
  const shares = createFairShare({ perSubject: 1 });
  const first = await shares.enter('a', signal);
  const leaving = new AbortController();
  const left = shares.enter('a', leaving.signal);
  const next = shares.enter('a', signal);
  leaving.abort(new Error('gone'));
  await expect(left).rejects.toThrow('gone');
  first();
  expect(await isIn(next)).toBe(true);
});
