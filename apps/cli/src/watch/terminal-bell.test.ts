import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createBell } from './terminal-bell.ts';

const never = new AbortController().signal;
const long = { atMostMs: 60_000, signal: never };

test('a ring ends the wait', async () => {
  const bell = createBell();
  const waiting = bell.wait(long);
  bell.ring();
  await waiting;
});

test('rings since the last wait end the next one at once, and only that', async () => {
  const bell = createBell();
  bell.ring();
  bell.ring();
  await bell.wait(long);
  const second = bell.wait(long).then(() => 'ended');
  expect(await Promise.race([second, sleep(50, 'waits')])).toBe('waits');
  bell.ring();
  await second;
});

test('the wait ends by itself, and with its signal', async () => {
  const bell = createBell();
  await bell.wait({ atMostMs: 1, signal: never });
  await bell.wait({ atMostMs: 60_000, signal: AbortSignal.timeout(1) });
  await bell.wait({ atMostMs: 60_000, signal: AbortSignal.abort() });
});
