import { expect, test } from 'vitest';
import { z } from 'zod';
import { toContainerEvent } from '../events/to-container-event.ts';
import { toIsoTime } from './iso-time.ts';
import { toOwnTime } from './vm-clock.ts';

const eventAt = (seconds: number) =>
  toContainerEvent({
    ...{ at: { seconds, nanos: 0 }, containerId: 'c0ffee', action: 'start', attributes: {} },
  })?.time;

test.each([
  ['1970', 0],
  ['after the year 9999', 999_999_999_999],
  ['before the year 0', -99_999_999_999],
])('a time %s reads as callers expect, whoever gave it', (_, seconds) => {
  const moment = { vmNow: 1_770_000_000, nowMs: 1_770_000_000_000 };
  for (const time of [toIsoTime(seconds * 1000), toOwnTime(seconds, moment), eventAt(seconds)])
    expect(z.iso.datetime().safeParse(time).error, time).toBeUndefined();
});
