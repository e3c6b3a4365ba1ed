import { expect, test } from 'vitest';
import { formatTimeLeft } from './time-left.ts';

test.each([
  [3_599_000, 'in 59 minutes'],
  [60_000, 'in 1 minute'],
  [59_999, 'in 59 seconds'],
  [1_000, 'in 1 second'],
  [999, 'in a moment'],
  [0, 'a moment ago'],
  [-1_000, '1 second ago'],
  [90 * 60_000, 'in 90 minutes'],
  [2 * 3_600_000, 'in 2 hours'],
  [47 * 3_600_000, 'in 47 hours'],
  [48 * 3_600_000, 'in 2 days'],
  [-48 * 3_600_000, '2 days ago'],
])('%d ms is %s', (msLeft, text) => {
  expect(formatTimeLeft(msLeft)).toBe(text);
});
