import { pino } from 'pino';
import { expect, test } from 'vitest';
import { createInternalErrorLog, createTraceFailureLog } from './log-audit-ssh-redis.ts';

test('a fault that a loop meets again and again is logged once a minute, another one at once', () => {
  const lines: string[] = [];
  let nowMs = 0;
  const log = createInternalErrorLog(pino({}, { write: (line) => lines.push(line) }), {
    elapsedMs: () => nowMs,
  });
  for (nowMs = 0; nowMs < 120_000; nowMs += 750) log(new TypeError('one'));
  expect(lines).toHaveLength(2);
  log(new TypeError('two'));
  expect(lines.map((line) => JSON.parse(line).err.message)).toEqual(['one', 'one', 'two']);
});

test('a collector of traces that is away is told once a minute, without the spans', () => {
  const lines: string[] = [];
  let nowMs = 0;
  const log = createTraceFailureLog(pino({}, { write: (line) => lines.push(line) }), {
    elapsedMs: () => nowMs,
  });
  for (nowMs = 0; nowMs < 120_000; nowMs += 5000) log(new Error('connect ECONNREFUSED'));
  expect(lines.map((line) => JSON.parse(line).reason)).toEqual([
    'connect ECONNREFUSED',
    'connect ECONNREFUSED',
  ]);
});
