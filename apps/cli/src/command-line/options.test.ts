import { expect, test } from 'vitest';
import { parseCount, parseDuration } from './options.ts';

const range = { min: 1, max: 10_000 };

test.each([
  ['1', 1],
  ['0100', 100],
  ['10000', 10_000],
])('parseCount(%s) is %i', (text, expected) => {
  expect(parseCount(text, range)).toBe(expected);
});

test.each(['', '0', '-1', '1.5', '1e3', '0x10', '10001', '٣', ' 5', '99999999999999999999', 'all'])(
  'parseCount(%j) is a usage error that names the range',
  (text) => {
    expect(() => parseCount(text, range)).toThrow(`from 1 to 10000, not '${text}'`);
  },
);

test.each([
  ['90s', 90_000],
  ['10m', 600_000],
  ['1h30m', 5_400_000],
  ['24h', 86_400_000],
])('parseDuration(%s) is %i ms', (text, expected) => {
  expect(parseDuration(text)).toBe(expected);
});

test.each(['', '10', '0s', '-5m', '5x', '1.5h', '30m1h', '25h', '10 m', '999999h'])(
  'parseDuration(%j) is a usage error',
  (text) => {
    expect(() => parseDuration(text)).toThrow(`not '${text}'`);
  },
);
