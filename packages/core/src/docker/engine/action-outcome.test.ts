// What is proven by what is seen.

import { expect, test } from 'vitest';
import { judgeOutcome, type Observation, toObservation } from './action-outcome.ts';
import type { ContainerInspect } from './schemas.ts';

const runningOld: Observation = { running: true, startedAt: 't1' };
const runningNew: Observation = { running: true, startedAt: 't2' };
const stoppedOld: Observation = { running: false, startedAt: 't1' };
const stoppedNew: Observation = { running: false, startedAt: 't2' };
const gone = undefined;

test.each([
  ['start', stoppedOld, runningNew, { changed: true }],
  ['start', stoppedOld, stoppedNew, { changed: true }],
  ['start', stoppedOld, stoppedOld, undefined],
  ['start', runningOld, runningOld, { changed: false }],
  ['start', stoppedOld, gone, undefined],
  ['stop', runningOld, stoppedOld, { changed: true }],
  ['stop', runningOld, runningOld, undefined],
  ['stop', runningOld, runningNew, undefined],
  ['stop', stoppedOld, stoppedOld, { changed: false }],
  ['stop', runningOld, gone, { changed: true }],
  ['restart', runningOld, runningNew, { changed: true }],
  ['restart', runningOld, stoppedNew, { changed: true }],
  ['restart', runningOld, runningOld, undefined],
  ['restart', runningOld, stoppedOld, undefined],
  ['restart', stoppedOld, runningNew, { changed: true }],
  ['restart', runningOld, gone, undefined],
] as const)('a lost %s from %o to %o is judged %o', (action, before, after, outcome) => {
  expect(judgeOutcome(action, before, after)).toEqual(outcome);
});

test.each([
  ['running', true, true],
  ['restarting', true, true],
  ['paused', true, true],
  ['exited', false, false],
  ['dead', false, false],
  ['stopped', false, false],
  [undefined, true, true],
  [undefined, undefined, false],
])('a container of status %j with Running %j counts as running: %j', (Status, Running, running) => {
  const inspect: ContainerInspect = { Id: 'x', State: { Status, Running, StartedAt: 't' } };
  expect(toObservation(inspect)).toEqual({ running, startedAt: 't' });
});
