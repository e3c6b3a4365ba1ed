import type { VmReady } from '@ondemand/client';
import { expect, test } from 'vitest';
import { toReady } from '../testing/fixtures.test-support.ts';
import { restarted, started, stopped, unseenMs } from './wait-conditions.ts';

/** `RUNNING+`: and SSH and Docker answer; `?`: OCI could not be asked; `off`: its system has shut down. */
function toObservations(line: string): VmReady[] {
  return line.split(' ').map((word) => {
    if (word === '?') return toReady(undefined);
    if (word === 'off') return { ...toReady('RUNNING'), phase: 'off-inside' };
    const state = word.replace(/\+$/, '') as VmReady['vm']['lifecycleState']; // the tables below hold states only
    return toReady(state, word.endsWith('+'));
  });
}

test.each([
  ['STOPPED', 'waiting'],
  ['STARTING', 'waiting'],
  ['STARTING RUNNING', 'waiting'],
  ['STARTING ? RUNNING', 'waiting'],
  ['STARTING RUNNING RUNNING+', 'reached'],
  ['STOPPED STARTING STOPPING', 'lost'],
  ['STARTING RUNNING STOPPED', 'lost'],
  ['STARTING TERMINATED', 'lost'],
  ['RUNNING off', 'lost'],
])('started: %s is %s', (line, kind) => {
  expect(started.judge(toObservations(line), 0).kind).toBe(kind);
});

test.each([
  ['RUNNING+', 'waiting'],
  ['STOPPING', 'waiting'],
  ['STOPPING ?', 'waiting'],
  ['RUNNING STOPPING STOPPED', 'reached'],
  ['STOPPING RUNNING', 'lost'],
  ['STOPPING STARTING', 'lost'],
  ['TERMINATING', 'lost'],
])('stopped: %s is %s', (line, kind) => {
  expect(stopped.judge(toObservations(line), 0).kind).toBe(kind);
});

test.each([
  ['RUNNING+', 'waiting'],
  ['? RUNNING+', 'waiting'],
  ['RUNNING+ STOPPING', 'waiting'],
  ['STOPPING STOPPED STARTING RUNNING', 'waiting'],
  ['STOPPING STARTING RUNNING RUNNING+', 'reached'],
  ['RUNNING+ RUNNING RUNNING+', 'reached'],
  ['STOPPING TERMINATED', 'lost'],
])('restarted: %s is %s', (line, kind) => {
  expect(restarted.judge(toObservations(line), 0).kind).toBe(kind);
});

test('a restart that was never seen is not claimed', () => {
  expect(restarted.judge(toObservations('RUNNING+'), unseenMs)).toMatchObject({
    kind: 'lost',
    why: expect.stringContaining('unknown'),
  });
});
