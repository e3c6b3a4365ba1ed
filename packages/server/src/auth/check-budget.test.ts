import { expect, test } from 'vitest';
import { createCheckBudget } from './check-budget.ts';
import { createTestClock } from './issuer.test-support.ts';

test('a burst is let through, then as many a second as it says, and waiting is told in seconds', () => {
  const clock = createTestClock();
  const { take } = createCheckBudget({ burst: 5, perSecond: 0.5, now: clock.now });
  expect(Array.from({ length: 7 }, take)).toEqual([0, 0, 0, 0, 0, 2, 2]);
  clock.advance(1000);
  expect(take()).toBe(1);
  clock.advance(1000);
  expect([take(), take()]).toEqual([0, 2]);
});

test('idleness saves up no more than one burst', () => {
  const clock = createTestClock();
  const { take } = createCheckBudget({ burst: 3, perSecond: 1, now: clock.now });
  clock.advance(3_600_000);
  expect(Array.from({ length: 5 }, take)).toEqual([0, 0, 0, 1, 1]);
});
