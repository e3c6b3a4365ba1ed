import { afterEach, expect, test } from 'vitest';
import { formatLocal, formatLocalStamp } from './local-time.ts';

const { TZ: zone } = process.env;
afterEach(() => {
  if (zone === undefined) delete process.env.TZ;
  else process.env.TZ = zone;
});

test.each([
  ['UTC', '2026-02-08T10:15:30.123Z', '2026-02-08 10:15:30', '2026-02-08T10:15:30+00:00'],
  ['Asia/Tokyo', '2026-02-08T15:15:30Z', '2026-02-09 00:15:30', '2026-02-09T00:15:30+09:00'],
  ['America/New_York', '2026-07-01T03:00:00Z', '2026-06-30 23:00:00', '2026-06-30T23:00:00-04:00'],
  ['America/St_Johns', '2026-01-01T12:00:00Z', '2026-01-01 08:30:00', '2026-01-01T08:30:00-03:30'],
  ['UTC', 'some time', 'some time', 'some time'],
])('in %s %s is %s', (tz, time, expected, stamp) => {
  process.env.TZ = tz;
  expect(formatLocal(time)).toBe(expected);
  expect(formatLocalStamp(time)).toBe(stamp);
});
