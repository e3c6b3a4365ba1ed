import { expect, test } from 'vitest';
import { formatLocal } from './local-time.ts';
import { formatAge, formatMoment } from './past-time.ts';

const now = new Date('2026-02-08T10:15:30Z');

test.each([
  ['2026-02-08T07:15:30Z', '3 hours ago'],
  ['2026-02-08T10:15:30Z', 'a moment ago'],
  ['2026-02-08T10:20:30Z', 'a moment ago'],
])('%s is %s', (time, expected) => {
  expect(formatAge(time, now)).toBe(expected);
  expect(formatMoment(time, now)).toBe(`${expected} (${formatLocal(time)})`);
});
