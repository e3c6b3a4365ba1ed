// Events in the words of Docker, old and new, and of Podman.

import { expect, test } from 'vitest';
import { toEngineEvent } from './parse-event.ts';

const docker =
  '{"status":"start","id":"c0ffee","from":"busybox","Type":"container","Action":"start","Actor":{"ID":"c0ffee","Attributes":{"image":"busybox","name":"web"}},"scope":"local","time":1770545730,"timeNano":1770545730123456789}';

test('reads what Docker says, to the nanosecond', () => {
  expect(toEngineEvent(docker)).toEqual({
    at: { seconds: 1_770_545_730, nanos: 123_456_789 },
    containerId: 'c0ffee',
    action: 'start',
    attributes: { image: 'busybox', name: 'web' },
  });
});

const at = ',"time":5,"timeNano":5000000001';
test.each([
  [
    'Docker from API 1.52 on',
    '"Type":"container","Action":"die","Actor":{"ID":"a","Attributes":{"exitCode":"3","name":"web"}}',
    { containerId: 'a', action: 'die', attributes: { exitCode: '3', name: 'web' } },
  ],
  [
    'an old engine',
    '"status":"stop","id":"a","from":"busybox"',
    { containerId: 'a', action: 'stop', attributes: { image: 'busybox' } },
  ],
  [
    "Podman's compatible stream",
    '"status":"died","id":"a","Type":"container","Action":"died","Actor":{"ID":"a","Attributes":{"containerExitCode":"1","name":"web"}}',
    { action: 'die', attributes: { containerExitCode: '1', exitCode: '1', name: 'web' } },
  ],
  [
    "Podman's own",
    '"Name":"web","Status":"remove","ID":"a","Image":"busybox","Type":"container","Attributes":{"x":"y"}',
    { containerId: 'a', action: 'destroy', attributes: { x: 'y', name: 'web', image: 'busybox' } },
  ],
  [
    "Podman's health",
    '"Type":"container","Action":"health_status","HealthStatus":"healthy","Actor":{"ID":"a","Attributes":{"name":"web"}}',
    { action: 'health_status: healthy' },
  ],
])('reads %s', (_name, members, event) => {
  expect(
    toEngineEvent(`{${members},"time":1770545730,"timeNano":1770545730000000001}`),
  ).toMatchObject({
    at: { seconds: 1_770_545_730, nanos: 1 },
    ...event,
  });
});

test('takes the time from the event, not from a label that looks like one', () => {
  const label = String.raw`"x":"\"timeNano\":1111111111111111111","timeNano":"2222222222222222222"`;
  const text = docker.replace('"image"', `${label},"image"`);
  expect(toEngineEvent(text)?.at).toEqual({ seconds: 1_770_545_730, nanos: 123_456_789 });
});

test('takes the seconds where there are no nanoseconds', () => {
  expect(toEngineEvent(docker.replace(/,"timeNano":\d+/, ''))?.at).toEqual({
    seconds: 1_770_545_730,
    nanos: 0,
  });
});

test.each([
  ['no JSON', '{"a":'],
  ['no object', '[]'],
  ['an event of a network', docker.replace('"container"', '"network"')],
  ['no action', `{"Type":"container","Actor":{"ID":"a"}${at}}`],
  ['no container', `{"Type":"container","Action":"start"${at}}`],
  ['no time', '{"Type":"container","Action":"start","Actor":{"ID":"a"}}'],
  ['attributes of another shape', docker.replace('"web"', '{}')],
])('skips %s', (_name, text) => {
  expect(toEngineEvent(text)).toBe(undefined);
});
