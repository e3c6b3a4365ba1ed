// Every spelling of Prefer: what is meant is applied and said so, what is malformed is as if it were not there.

import { expect, test } from 'vitest';
import { createPreferences, type WaitInput } from './prefer-header.ts';

test.each<[header: string | string[] | undefined, seconds: number | undefined, applied?: string]>([
  [undefined, undefined],
  ['', undefined],
  ['respond-async', 0, 'respond-async'],
  ['Respond-Async; x=1', 0, 'respond-async'],
  ['wait=5', 5, 'wait=5'],
  ['Wait = 5', 5, 'wait=5'],
  ['wait="5"', 5, 'wait=5'],
  ['wait=0', 0, 'wait=0'],
  ['wait=007', 7, 'wait=7'],
  ['wait=5; foo=bar', 5, 'wait=5'],
  ['respond-async, wait=10', 10, 'respond-async, wait=10'],
  ['wait=10,respond-async', 10, 'respond-async, wait=10'],
  [['wait=10', 'respond-async'], 10, 'respond-async, wait=10'],
  ['wait=5, wait=9', 5, 'wait=5'],
  ['return=minimal, wait=5', 5, 'wait=5'],
  ['foo="a, wait=9", wait=5', 5, 'wait=5'],
  ['foo="respond-async"', undefined],
  ['x-wait=5', undefined],
  ['wait', undefined],
  ['wait=', undefined],
  ['wait=-1', undefined],
  ['wait=1.5', undefined],
  ['wait=5s', undefined],
  ['wait=1e3', undefined],
  ['wait=99999999999999999999', undefined],
  [',,;=,"', undefined],
])('Prefer: %j waits for %j seconds', (header, seconds, applied) => {
  const preferences = createPreferences(header);
  expect(preferences.applied).toBeUndefined();
  expect(preferences.resolveWait({})).toBe(seconds);
  expect(preferences.applied).toBe(applied);
});

test.each<[input: WaitInput, header: string, seconds: number | undefined, applied?: string]>([
  [{ async: true }, 'wait=5', 0],
  [{ async: true }, 'respond-async', 0, 'respond-async'],
  [{ async: false }, 'respond-async', undefined],
  [{ waitSeconds: 3 }, 'respond-async', 3],
  [{ waitSeconds: 3 }, 'wait=3', 3, 'wait=3'],
  [{ waitSeconds: 3, async: true }, '', 3],
])('the input %j wins over Prefer: %s', (input, header, seconds, applied) => {
  const preferences = createPreferences(header);
  expect(preferences.resolveWait(input)).toBe(seconds);
  expect(preferences.applied).toBe(applied);
});
