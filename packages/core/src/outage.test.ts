// How long and how often something lost is tried again.

import { expect, test } from 'vitest';
import { systemClock } from './clock.ts';
import { AppError } from './errors.ts';
import { createOutage } from './outage.ts';

const { signal } = new AbortController();
const away = new AppError('SERVICE_UNAVAILABLE', 'away');

test('the first attempt comes at once, the next ones after growing pauses', async () => {
  const outage = createOutage({ clock: systemClock });
  const pausesMs: number[] = [];
  for (let n = 0; n < 3; n += 1) pausesMs.push(await timed(() => outage.endure(away, signal)));
  const [first = 0, second = 0, third = 0] = pausesMs;
  expect(first).toBeLessThan(150);
  expect(second).toBeGreaterThanOrEqual(245);
  expect(third).toBeGreaterThanOrEqual(495);
  outage.over();
  expect(await timed(() => outage.endure(away, signal))).toBeLessThan(150);
});

test('a pause that the other side asked for is kept', async () => {
  const outage = createOutage({ clock: systemClock });
  const busy = new AppError('SERVICE_UNAVAILABLE', 'busy', { details: { retryAfterSeconds: 1 } });
  expect(await timed(() => outage.endure(busy, signal))).toBeGreaterThanOrEqual(995);
});

test('what lived for ten seconds was no failed attempt, what lived shorter was one', async () => {
  let nowMs = 0;
  const outage = createOutage({ clock: { elapsedMs: () => nowMs } });
  await outage.endure(away, signal);
  nowMs = 299_000;
  outage.opened();
  nowMs = 309_000;
  await outage.endure(away, signal);
  nowMs += 299_000;
  outage.opened();
  nowMs += 9000;
  await expect(outage.endure(away, signal)).rejects.toBe(away);
});

test('what is no outage is thrown', async () => {
  const outage = createOutage({ clock: systemClock });
  const off = new AppError('SERVICE_UNAVAILABLE', 'off', {
    details: { lifecycleState: 'STOPPED' },
  });
  for (const error of [off, new AppError('CONFLICT', 'no'), new Error('a bug')]) {
    await expect(outage.endure(error, signal)).rejects.toBe(error);
  }
});

test('a VM that starts is waited for', async () => {
  const outage = createOutage({ clock: systemClock });
  const starting = new AppError('SERVICE_UNAVAILABLE', 'starting', {
    details: { lifecycleState: 'STARTING' },
  });
  await outage.endure(starting, signal);
});

test("the signal ends a pause with the signal's reason", async () => {
  const outage = createOutage({ clock: systemClock });
  const caller = new AbortController();
  const gone = new Error('the caller left');
  const busy = new AppError('SERVICE_UNAVAILABLE', 'busy', { details: { retryAfterSeconds: 30 } });
  setTimeout(() => caller.abort(gone), 20);
  expect(
    await timed(() => expect(outage.endure(busy, caller.signal)).rejects.toBe(gone)),
  ).toBeLessThan(1000);
});

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAtMs = performance.now();
  await work();
  return performance.now() - startedAtMs;
}
