import { expect, test } from 'vitest';
import { createNanoClock, formatLogTime, formatTime, parseTime } from './nano-time.ts';

const time = 1_795_420_034_829_580_850n;

test('log times always have nine digits, JSON times no trailing zero', () => {
  expect(formatLogTime(time)).toBe('2026-11-23T07:47:14.829580850Z');
  expect(formatTime(time)).toBe('2026-11-23T07:47:14.82958085Z');
  expect(formatTime(1_795_420_034_000_000_000n)).toBe('2026-11-23T07:47:14Z');
  expect(formatTime(0n)).toBe('0001-01-01T00:00:00Z');
});

test.each([
  ['1795420034.829580850', time],
  ['1795420034', 1_795_420_034_000_000_000n],
  ['1795420034.5', 1_795_420_034_500_000_000n],
  ['2026-11-23T07:47:14.82958085Z', time],
  ['2026-11-23T08:47:14.82958085+01:00', time],
  ['0', 0n],
  ['', undefined],
  ['yesterday', undefined],
  ['10m', undefined],
])('parseTime(%s) gives %s', (text, expected) => {
  expect(parseTime(text)).toBe(expected);
});

test('the clock is the wall clock and never stands still', () => {
  const before = Date.now();
  const clock = createNanoClock();
  const times = Array.from({ length: 1_000 }, clock);
  expect(times.every((each, index) => index === 0 || each > (times[index - 1] ?? 0n))).toBe(true);
  const now = Number(clock() / 1_000_000n);
  const order = [before, now, Date.now() + 1]; // a millisecond begins at another moment for each
  expect(order.toSorted()).toEqual(order);
});
