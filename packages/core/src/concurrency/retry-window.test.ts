// How long and how often a lost connection is retried.

import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { AppError } from '../app-error.ts';
import { createRetryWindow } from './retry-window.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const { signal } = new AbortController();
const clock = { elapsedMs: () => Date.now() };
const away = new AppError('SERVICE_UNAVAILABLE', 'away');

test('the first retry is immediate, the next ones come after growing pauses', async () => {
  const retryWindow = createRetryWindow({ clock });
  const pausesMs: number[] = [];
  for (let n = 0; n < 3; n += 1)
    pausesMs.push(await timed(() => retryWindow.waitOrThrow(away, signal)));
  expect(pausesMs).toEqual([0, 250, 500]);
  retryWindow.reset();
  expect(await timed(() => retryWindow.waitOrThrow(away, signal))).toBe(0);
});

test('a pause that the other side asked for is kept', async () => {
  const retryWindow = createRetryWindow({ clock });
  const busy = new AppError('SERVICE_UNAVAILABLE', 'busy', { details: { retryAfterSeconds: 1 } });
  expect(await timed(() => retryWindow.waitOrThrow(busy, signal))).toBe(1000);
});

test('a connection of ten seconds resets the window, a shorter one counts as a failed attempt', async () => {
  let nowMs = 0;
  const retryWindow = createRetryWindow({ clock: { elapsedMs: () => nowMs } });
  await timed(() => retryWindow.waitOrThrow(away, signal));
  nowMs = 299_000;
  retryWindow.attemptSucceeded();
  nowMs = 309_000;
  await timed(() => retryWindow.waitOrThrow(away, signal));
  nowMs += 299_000;
  retryWindow.attemptSucceeded();
  nowMs += 9000;
  await expect(retryWindow.waitOrThrow(away, signal)).rejects.toBe(away);
});

test('an error that is not an unavailability is thrown', async () => {
  const retryWindow = createRetryWindow({ clock });
  const off = new AppError('SERVICE_UNAVAILABLE', 'off', {
    details: { lifecycleState: 'STOPPED' },
  });
  for (const error of [off, new AppError('CONFLICT', 'no'), new Error('a bug')]) {
    await expect(retryWindow.waitOrThrow(error, signal)).rejects.toBe(error);
  }
});

test('a VM that starts is waited for', async () => {
  const retryWindow = createRetryWindow({ clock });
  const starting = new AppError('SERVICE_UNAVAILABLE', 'starting', {
    details: { lifecycleState: 'STARTING' },
  });
  await timed(() => retryWindow.waitOrThrow(starting, signal));
});

test("the signal ends a pause with the signal's reason", async () => {
  const retryWindow = createRetryWindow({ clock });
  const caller = new AbortController();
  const gone = new Error('the caller left');
  const busy = new AppError('SERVICE_UNAVAILABLE', 'busy', { details: { retryAfterSeconds: 30 } });
  setTimeout(() => caller.abort(gone), 20);
  const waiting = () => expect(retryWindow.waitOrThrow(busy, caller.signal)).rejects.toBe(gone);
  expect(await timed(waiting)).toBe(20);
});

/** How long it takes on the faked clock. */
async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAtMs = Date.now();
  let tookMs: number | undefined;
  const working = work().then(() => {
    tookMs = Date.now() - startedAtMs;
  });
  while (tookMs === undefined) await vi.advanceTimersToNextTimerAsync();
  await working;
  return tookMs;
}
