import { expect, test } from 'vitest';
import { createTestClock, errorOf } from '../testing/issuer.test-support.ts';
import { createCheckBudget, type Reservation } from './issuer-request-budget.ts';

const minuteMs = 60_000;

function open({ total = { burst: 8, perMinute: 2 }, share = { burst: 5, perMinute: 1 } } = {}) {
  const clock = createTestClock();
  const budget = createCheckBudget({ total, share, now: clock.now });
  return {
    clock,
    budget,
    /** True when a question could be asked, which is then spent. */
    spend: async (network: string) => {
      const reservation = await budget.reserve(network).catch(() => undefined);
      reservation?.settle('spent');
      return reservation !== undefined;
    },
  };
}

async function count(times: number, spend: () => Promise<boolean>): Promise<number> {
  let granted = 0;
  for (let index = 0; index < times; index += 1) if (await spend()) granted += 1;
  return granted;
}

test('a network has its share and no more, and the others have theirs', async () => {
  const { spend } = open();
  expect(await count(20, () => spend('a'))).toBe(5);
  expect(await count(20, () => spend('b'))).toBe(3);
  expect(await count(20, () => spend('c'))).toBe(0);
});

test('a share and the budget fill again with time, up to their bursts', async () => {
  const { spend, clock } = open();
  await count(20, () => spend('a'));
  clock.advance(2 * minuteMs);
  expect(await count(20, () => spend('a'))).toBe(2);
  clock.advance(600 * minuteMs);
  expect(await count(20, () => spend('a'))).toBe(5);
  expect(await count(20, () => spend('b'))).toBe(3);
});

test('how long to wait is told in seconds', async () => {
  const { budget, spend, clock } = open();
  await count(20, () => spend('a'));
  clock.advance(20_500);
  expect(await errorOf(budget.reserve('a'))).toMatchObject({
    code: 'SERVICE_UNAVAILABLE',
    message: expect.stringContaining('from this network; try again in 40 s'),
    details: { reason: 'TOKEN_NOT_CHECKED', retryAfterSeconds: 40 },
  });
});

test('what was not spent comes back, also to those who wait for it', async () => {
  const { budget } = open();
  const served: number[] = [];
  const check = async (index: number) => {
    const reservation = await budget.reserve('a');
    await new Promise(setImmediate);
    served.push(index);
    reservation.settle('unspent');
  };
  await Promise.all(Array.from({ length: 100 }, (_, index) => check(index)));
  expect(served).toHaveLength(100);
});

test('who waits for what is spent after all is refused', async () => {
  const { budget } = open();
  const held: Reservation[] = [];
  for (let index = 0; index < 5; index += 1) held.push(await budget.reserve('a'));
  const waiting = errorOf(budget.reserve('a'));
  for (const each of held) each.settle('spent');
  expect(await waiting).toMatchObject({ details: { reason: 'TOKEN_NOT_CHECKED' } });
});

test('shrinking leaves one question, then fewer a minute, and it recovers', async () => {
  const { budget, spend, clock } = open();
  budget.shrink();
  expect(await count(9, () => spend('a'))).toBe(1);
  clock.advance(minuteMs);
  expect(await count(9, () => spend('b'))).toBe(1); // one a minute in place of two
  for (let index = 0; index < 20; index += 1) budget.shrink();
  clock.advance(31 * minuteMs);
  expect(await count(9, () => spend('c'))).toBe(1); // and never nothing
  clock.advance(120 * minuteMs);
  expect(await count(20, () => spend('d'))).toBe(5);
});
