import { expect, test } from 'vitest';
import { parseDuration } from '../command-line/options.ts';
import { formatDuration } from './duration.ts';

test.each([
  [0, '0s'],
  [999, '0s'],
  [59_999, '59s'],
  [90_000, '1m30s'],
  [600_000, '10m'],
  [3_900_000, '1h5m'],
  [3_600_000, '1h'],
])('formatDuration(%i) is %s', (durationMs, expected) => {
  expect(formatDuration(durationMs)).toBe(expected);
});

test.each([1_000, 90_000, 600_000, 3_661_000, 86_400_000])(
  'parseDuration() reads back what formatDuration(%i) writes',
  (durationMs) => {
    expect(parseDuration(formatDuration(durationMs))).toBe(durationMs);
  },
);
