// The ways to say from where on a log is wanted.

import { expect, test } from 'vitest';
import { logSinceSchema, parseSince, toStampText } from './log-line.ts';

const now = new Date('2026-02-08T10:15:30.250Z');
const nowSeconds = Math.floor(now.getTime() / 1000);

test.each([
  ['10m', { seconds: nowSeconds - 600, nanos: 250_000_000 }],
  ['1h30m', { seconds: nowSeconds - 5400, nanos: 250_000_000 }],
  ['2d', { seconds: nowSeconds - 172_800, nanos: 250_000_000 }],
  ['1.5h', { seconds: nowSeconds - 5400, nanos: 250_000_000 }],
  ['1h0.5m', { seconds: nowSeconds - 3630, nanos: 250_000_000 }],
  ['.5m1.s', { seconds: nowSeconds - 31, nanos: 250_000_000 }],
  ['0.1d', { seconds: nowSeconds - 8640, nanos: 250_000_000 }],
  ['1500ms', { seconds: nowSeconds - 2, nanos: 750_000_000 }],
  ['250000us', { seconds: nowSeconds, nanos: 0 }],
  ['250000\u00b5s', { seconds: nowSeconds, nanos: 0 }],
  ['125000\u03bcs125000000ns', { seconds: nowSeconds, nanos: 0 }],
  ['0s', { seconds: nowSeconds, nanos: 250_000_000 }],
  ['999999999d', { seconds: 0, nanos: 0 }],
  ['1770545730', { seconds: 1_770_545_730, nanos: 0 }],
  ['1770545730.5', { seconds: 1_770_545_730, nanos: 500_000_000 }],
  ['1770545730.000000001', { seconds: 1_770_545_730, nanos: 1 }],
  ['2026-02-08T10:15:30Z', { seconds: nowSeconds, nanos: 0 }],
  ['2026-02-08T10:15:30.000000007Z', { seconds: nowSeconds, nanos: 7 }],
  ['2026-02-08T11:15:30+01:00', { seconds: nowSeconds, nanos: 0 }],
  ['2026-02-08T10:15:30', { seconds: nowSeconds, nanos: 0 }],
  ['2026-02-08T10:15', { seconds: nowSeconds - 30, nanos: 0 }],
  ['2026-02-08T10', { seconds: nowSeconds - 930, nanos: 0 }],
  ['2026-02-08', { seconds: nowSeconds - 36_930, nanos: 0 }],
])('since %s is read', (text, time) => {
  expect(logSinceSchema.parse(text)).toBe(text);
  expect(parseSince(text, now)).toEqual(time);
});

test.each([
  '',
  'yesterday',
  '10 m',
  '-10m',
  '.h',
  '1..5h',
  'h',
  '10m5',
  '1y',
  '2026-13-08',
  '2026-02-30',
  '2026-02-29T10:15Z',
  '2026-04-31T10:15:30.5+02:00',
  '2026-02-08T25:00:00Z',
  '2026-02-08T24:00',
  '2026-02-08 10:15:30',
  '1770545730.0000000001',
  '10m\n',
])('since %j is refused', (text) => {
  expect(logSinceSchema.safeParse(text).success).toBe(false);
});

test('a time is printed as docker logs -t does', () => {
  expect(toStampText({ seconds: nowSeconds, nanos: 7 })).toBe('2026-02-08T10:15:30.000000007Z');
});
