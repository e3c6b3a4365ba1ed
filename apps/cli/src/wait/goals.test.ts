import { expect, test } from 'vitest';
import { type Observation, restarted, started, stopped, unseenMs } from './goals.ts';

/** `RUNNING+`: and SSH and Docker answer; `RUNNING-`: they do not; `?`: OCI could not be asked. */
function toObservations(line: string): Observation[] {
  return line.split(' ').map((word, index) => {
    const state = word.replace(/[+?-]$/, '') as NonNullable<Observation['state']>; // the tables below hold states only
    return {
      state: word === '?' ? undefined : state,
      answers: word.endsWith('+') ? true : word.endsWith('-') ? false : undefined,
      elapsedMs: index * 1000,
    };
  });
}

test.each([
  ['STOPPED', 'waiting'],
  ['STARTING', 'waiting'],
  ['STARTING RUNNING-', 'waiting'],
  ['STARTING ? RUNNING', 'waiting'],
  ['STARTING RUNNING- RUNNING+', 'reached'],
  ['STOPPED STARTING STOPPING', 'lost'],
  ['STARTING RUNNING- STOPPED', 'lost'],
  ['STARTING TERMINATED', 'lost'],
])('started: %s is %s', (line, kind) => {
  expect(started.judge(toObservations(line)).kind).toBe(kind);
});

test.each([
  ['RUNNING', 'waiting'],
  ['STOPPING', 'waiting'],
  ['STOPPING ?', 'waiting'],
  ['RUNNING STOPPING STOPPED', 'reached'],
  ['STOPPING RUNNING', 'lost'],
  ['STOPPING STARTING', 'lost'],
  ['TERMINATING', 'lost'],
])('stopped: %s is %s', (line, kind) => {
  expect(stopped.judge(toObservations(line)).kind).toBe(kind);
});

test.each([
  ['RUNNING+', 'waiting'],
  ['RUNNING+ RUNNING+', 'waiting'],
  ['? RUNNING+', 'waiting'],
  ['RUNNING+ STOPPING', 'waiting'],
  ['STOPPING STOPPED STARTING RUNNING-', 'waiting'],
  ['STOPPING STARTING RUNNING- RUNNING+', 'reached'],
  ['RUNNING+ RUNNING- RUNNING+', 'reached'],
  ['STOPPING TERMINATED', 'lost'],
])('restarted: %s is %s', (line, kind) => {
  expect(restarted.judge(toObservations(line)).kind).toBe(kind);
});

test('a restart that was never seen is not claimed', () => {
  const [observation] = toObservations('RUNNING+');
  const late = { state: 'RUNNING', answers: true, ...observation, elapsedMs: unseenMs } as const;
  expect(restarted.judge([late])).toMatchObject({
    kind: 'lost',
    why: expect.stringContaining('unknown'),
  });
});
