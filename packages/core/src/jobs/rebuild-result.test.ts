// What is told of a rebuild that ended well, by the containers before and after it.

import { expect, test } from 'vitest';
import type { EngineContainer } from '../adapter-ports.ts';
import { toComposeWarnings, toRebuildResult } from './rebuild-result.ts';

test('the same container that runs on is no change, another one is', () => {
  const web = of('web', 'id-1');
  expect(told(web, [web], [web])).toEqual({ container: 'web', changed: false });
  expect(told(web, [web], [of('web', 'id-2')])).toEqual({ container: 'web', changed: true });
});

test('one that was stopped and runs now is a change, and so is one more', () => {
  const web = of('web', 'id-1');
  const stopped = { ...web, state: 'exited' as const };
  expect(told(stopped, [stopped], [web]).changed).toBe(true);
  expect(told(web, [web], [web, of('web-2', 'id-2', '2')]).changed).toBe(true);
});

test('the answer names the container that is there afterwards: its successor by number, else any of the service', () => {
  const [one, two] = [of('web_1', 'a', '1'), of('web_2', 'b', '2')];
  const after = [of('web-1', 'c', '1'), of('web-2', 'd', '2')];
  expect(told(two, [one, two], after).container).toBe('web-2');
  expect(told(two, [one, two], after.slice(0, 1)).container).toBe('web-1');
  expect(told(two, [one, two], []).container).toBe('web_2');
});

test('others of the project and one-off containers are not of the service', () => {
  const web = of('web', 'id-1');
  const other = { ...of('other', 'o'), labels: labels({ service: 'other' }) };
  const oneOff = { ...of('run', 'r'), labels: labels({ oneoff: 'True' }) };
  expect(told(web, [web], [web, other, oneOff]).changed).toBe(false);
});

test('who still hangs on the network of one that is gone is named with what heals it', () => {
  const vpn = of('vpn', 'id-1');
  const app = { ...of('app', 'a'), labels: labels({ service: 'app' }), networkOf: 'id-1' };
  const byHand = { ...app, id: 'h', name: 'by-hand', labels: {} };
  const healed = { ...app, id: 'x', name: 'healed' };
  const before = [vpn, app, byHand, healed];
  const after = [of('vpn', 'id-2'), app, byHand, { ...healed, networkOf: 'id-2' }];
  expect(told(vpn, before, after).warnings).toEqual([
    expect.stringMatching(/^'app' .*rebuild 'app' as well$/),
    expect.stringMatching(/^'by-hand' .*remove 'by-hand' and create it again/),
  ]);
  expect(told(vpn, before, before).warnings).toBeUndefined();
});

test("compose's warnings are taken out of its output, each once", () => {
  const output = [
    'time="2026-11-29T04:12:11Z" level=warning msg="The \\"MODE\\" variable is not set. Defaulting to a blank string."',
    'time="2026-11-29T04:12:12Z" level=warning msg="The \\"MODE\\" variable is not set. Defaulting to a blank string."',
    '#5 0.1 WARNING: of a build',
    'The OTHER variable is not set. Defaulting to a blank string.',
    'WARNING: Found orphan containers (p_old_1) for this project.',
    ' Container p-web-1  Started',
  ].join('\n');
  expect(toComposeWarnings(output)).toEqual([
    'The "MODE" variable is not set. Defaulting to a blank string.',
    'The OTHER variable is not set. Defaulting to a blank string.',
    'Found orphan containers (p_old_1) for this project.',
  ]);
});

function told(
  container: EngineContainer,
  before: readonly EngineContainer[],
  after: readonly EngineContainer[],
) {
  return toRebuildResult({ container, before, after, output: '' });
}

function of(name: string, id: string, number = '1'): EngineContainer {
  return {
    id,
    name,
    state: 'running',
    image: 'web',
    ports: '',
    uptime: 'Up 1 second',
    labels: labels({ 'container-number': number }),
  };
}

function labels(more: Readonly<Record<string, string>> = {}): Record<string, string> {
  const all = { project: 'home', service: 'web', ...more };
  return Object.fromEntries(
    Object.entries(all).map(([name, value]) => [`com.docker.compose.${name}`, value]),
  );
}
