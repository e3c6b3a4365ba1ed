// Docker's events in the words that callers get.

import { expect, test } from 'vitest';
import { onDemandEventSchema } from '../model/event.ts';
import { toContainerEvent } from './to-container-event.ts';

const at = { seconds: 1_770_545_730, nanos: 123_456_789 };
const containerId = 'c0ffee'.repeat(10);
const attributes = { name: 'web', image: 'nginx:1.27' };
const told = {
  type: 'container',
  time: '2026-02-08T10:15:30.123Z',
  name: 'web',
  image: 'nginx:1.27',
};

test.each([
  ['start', {}, { action: 'start' }],
  ['die', { exitCode: '137' }, { action: 'die', exitCode: 137 }],
  ['die', { exitCode: 'many' }, { action: 'die' }],
  ['die', {}, { action: 'die' }],
  ['kill', { signal: '15', exitCode: '1' }, { action: 'kill' }],
  ['health_status: healthy', {}, { action: 'health_status', health: 'healthy' }],
  ['health_status:unhealthy', {}, { action: 'health_status', health: 'unhealthy' }],
  ['health_status', {}, { action: 'health_status' }],
  ['rename', { name: 'new', oldName: '/web' }, { action: 'rename', name: 'new' }],
  ['start', { name: '/web' }, { action: 'start' }],
  ['start', { name: '' }, { action: 'start', name: 'c0ffeec0ffee' }],
  ['start', { image: undefined }, { action: 'start', image: '' }],
])('%s with %o is told as %o', (action, more, event) => {
  const given = Object.fromEntries(
    Object.entries({ ...attributes, ...more }).filter(
      (entry): entry is [string, string] => entry[1] !== undefined,
    ),
  );
  const result = toContainerEvent({ at, containerId, action, attributes: given });
  expect(result).toEqual({ ...told, ...event });
  expect(onDemandEventSchema.parse(result)).toEqual(result);
});

test.each(['exec_create: sh -c "x: y"', 'exec_die', 'attach', 'resize', 'top', 'commit', ''])(
  '%j is not told',
  (action) => {
    expect(toContainerEvent({ at, containerId, action, attributes })).toBe(undefined);
  },
);

test('a time that is none is not told', () => {
  const never = { seconds: 1e15, nanos: 0 };
  expect(toContainerEvent({ at: never, containerId, action: 'start', attributes })).toBe(undefined);
});
