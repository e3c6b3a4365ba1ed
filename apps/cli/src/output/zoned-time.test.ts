import { expect, test } from 'vitest';
import { toZoned } from './zoned-time.ts';

test.each([
  ['2026-02-08', new Date(2026, 1, 8)],
  ['2026-02-08T10', new Date(2026, 1, 8, 10)],
  ['2026-02-08T10:15', new Date(2026, 1, 8, 10, 15)],
  ['2026-07-08 10:15:30', new Date(2026, 6, 8, 10, 15, 30)],
])("%s is of the caller's clock", (text, moment) => {
  expect(toZoned(text)).toBe(moment.toISOString().replace('.000Z', 'Z'));
});

test('fractions stay', () => {
  const seconds = new Date(2026, 1, 8, 10, 15, 30).toISOString().replace('.000Z', '');
  expect(toZoned('2026-02-08T10:15:30.123456789')).toBe(`${seconds}.123456789Z`);
});

test.each([
  '10m',
  '1h30m',
  '1770545730',
  '2026-02-08T10:15:30Z',
  '2026-02-08T10:15:30+02:00',
  '2026-02-08T07:00Z',
  '2026-13-08',
  '2026-02-30',
  '2026-04-31T10:15',
  '2026-02-08T24:00',
  'yesterday',
])('%s is left as it is', (text) => {
  expect(toZoned(text)).toBe(text);
});
