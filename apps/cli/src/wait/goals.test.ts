import { expect, test } from 'vitest';
import { type Look, restarted, started, stopped, unseenMs } from './goals.ts';

/** `RUNNING+`: and SSH and Docker answer; `RUNNING-`: they do not; `?`: OCI could not be asked. */
function toLooks(line: string): Look[] {
  return line.split(' ').map((word, index) => {
    const state = word.replace(/[+?-]$/, '') as NonNullable<Look['state']>; // the tables below hold states only
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
  expect(started.judge(toLooks(line)).kind).toBe(kind);
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
  expect(stopped.judge(toLooks(line)).kind).toBe(kind);
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
  expect(restarted.judge(toLooks(line)).kind).toBe(kind);
});

test('a restart that was never seen is not claimed', () => {
  const [look] = toLooks('RUNNING+');
  const late = { state: 'RUNNING', answers: true, ...look, elapsedMs: unseenMs } as const;
  expect(restarted.judge([late])).toMatchObject({
    kind: 'lost',
    why: expect.stringContaining('unknown'),
  });
});
