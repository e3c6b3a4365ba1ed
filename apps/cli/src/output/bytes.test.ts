import { expect, test } from 'vitest';
import { formatBinaryBytes, formatDecimalBytes } from './bytes.ts';

test.each([
  [0, '0B'],
  [1023, '1023B'],
  [1024, '1KiB'],
  [10_500_000, '10.01MiB'],
  [536_870_912, '512MiB'],
  [1024 ** 3 - 1, '1GiB'],
  [2_087_469_056, '1.944GiB'],
  [1024 ** 4 * 1.5, '1.5TiB'],
  [1024 ** 6, '1024PiB'],
])('formatBinaryBytes(%i) is %s', (bytes, expected) => {
  expect(formatBinaryBytes(bytes)).toBe(expected);
});

test.each([
  [0, '0B'],
  [999, '999B'],
  [1000, '1kB'],
  [1234, '1.23kB'],
  [999_499, '999kB'],
  [999_500, '1MB'],
  [45_600_000, '45.6MB'],
  [1e18, '1000PB'],
])('formatDecimalBytes(%i) is %s', (bytes, expected) => {
  expect(formatDecimalBytes(bytes)).toBe(expected);
});
