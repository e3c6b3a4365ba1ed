import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { keepCollectingGarbage } from '../testing/collect-garbage.test-support.ts';
import { startSilentServer } from '../testing/silent-server.test-support.ts';
import { startDeadline } from './deadline.ts';

test('the time is up for who waits for the signal alone, though garbage is collected', async () => {
  using _collecting = keepCollectingGarbage();
  using deadline = startDeadline(200, new AbortController().signal);
  const waiting = sleep(20_000, undefined, { signal: deadline.signal });
  await expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
  expect(deadline.isOver()).toBe(true);
});

test.each([false, true])(
  'the time is up for a request that has lost its signal; answer begun: %s',
  async (begins) => {
    await using server = await startSilentServer({ begins });
    using _collecting = keepCollectingGarbage();
    using deadline = startDeadline(200, new AbortController().signal);
    const asking = fetch(server.url, { redirect: 'error', signal: deadline.signal });
    const reading = deadline.bound(asking.then((answer) => answer.text()));
    await expect(reading).rejects.toMatchObject({ name: 'TimeoutError' });
  },
);

test('what is done in time is given, and what fails is thrown', async () => {
  using deadline = startDeadline(60_000, new AbortController().signal);
  expect(await deadline.bound(Promise.resolve('done'))).toBe('done');
  await expect(deadline.bound(Promise.reject(new Error('no')))).rejects.toThrow('no');
});

test('the user who stops is first, and the reason is theirs', async () => {
  const user = new AbortController();
  using deadline = startDeadline(60_000, user.signal);
  user.abort('enough');
  expect(deadline.signal.reason).toBe('enough');
  expect(deadline.isOver()).toBe(false);
});

test('a user who has stopped before is not waited for', async () => {
  using deadline = startDeadline(60_000, AbortSignal.abort('enough'));
  expect(deadline.signal.reason).toBe('enough');
  await expect(deadline.bound(new Promise(() => {}))).rejects.toBe('enough');
});

test('a deadline that is done with ends nothing any more', async () => {
  const user = new AbortController();
  const deadline = startDeadline(20, user.signal);
  deadline[Symbol.dispose]();
  user.abort();
  await sleep(20); // a timer of the same length that was set later comes later
  expect(deadline.signal.aborted).toBe(false);
});
