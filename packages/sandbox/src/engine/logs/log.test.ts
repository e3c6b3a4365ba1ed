import { expect, test } from 'vitest';
import { createLog } from './log.ts';
import { type LogQuery, readLog } from './log-stream.ts';

const everything: LogQuery = {
  stdout: true,
  stderr: true,
  timestamps: false,
  follow: false,
  tail: undefined,
  since: undefined,
  until: undefined,
};

async function read(
  log: ReturnType<typeof createLog>,
  query: Partial<LogQuery> = {},
): Promise<string> {
  const { signal } = new AbortController();
  const parts: Buffer[] = [];
  const options = { framed: false, running: true, signal };
  for await (const part of readLog(log, { ...everything, ...query }, options)) parts.push(part);
  return Buffer.concat(parts).toString();
}

test('a line shows once it is complete, or when the program ends', async () => {
  const log = createLog();
  log.append('stdout', 'one\ntw', 10n);
  log.append('stderr', 'err\n', 11n);
  expect(await read(log)).toBe('one\nerr\n');
  log.append('stdout', 'o\nthree', 12n);
  expect(await read(log)).toBe('one\nerr\ntwo\n');
  log.endRun(13n);
  expect(await read(log)).toBe('one\nerr\ntwo\nthree\n');
});

test('times of one stream strictly increase, across the streams they may go back', () => {
  const log = createLog();
  log.append('stdout', 'a\nb\n', 100n);
  log.append('stderr', 'c\n', 97n);
  log.append('stdout', 'd\n', 90n);
  const times = Array.from({ length: log.next }, (_, number) => log.at(number)?.time);
  expect(times).toEqual([100n, 101n, 97n, 102n]);
});

test('a line over 16 KiB is several entries with one time, and only the last ends it', async () => {
  const log = createLog();
  const line = `${'é'.repeat(20_000)}\n`;
  log.append('stdout', line, 5n);
  expect(log.next).toBe(3);
  expect([0, 1, 2].map((number) => log.at(number)?.time)).toEqual([5n, 5n, 5n]);
  expect(log.at(0)?.bytes.length).toBe(16_384);
  expect(await read(log)).toBe(line);
});

test('the oldest entries go when there are too many', async () => {
  const log = createLog({ limit: 100 });
  for (let index = 0; index < 1_000; index += 1) log.append('stdout', `${index}\n`, BigInt(index));
  expect(log.next).toBe(1_000);
  expect(log.next - log.first).toBeLessThanOrEqual(125);
  expect(await read(log, { tail: 2 })).toBe('998\n999\n');
});

test('tail counts before since, since and until include their nanosecond', async () => {
  const log = createLog();
  for (let index = 1; index <= 5; index += 1) {
    log.append(index % 2 === 0 ? 'stderr' : 'stdout', `${index}\n`, BigInt(index * 10));
  }
  expect(await read(log, { since: 30n })).toBe('3\n4\n5\n');
  expect(await read(log, { since: 31n })).toBe('4\n5\n');
  expect(await read(log, { until: 30n })).toBe('1\n2\n3\n');
  expect(await read(log, { tail: 2, since: 10n })).toBe('4\n5\n');
  expect(await read(log, { tail: 2, stderr: false })).toBe('5\n');
  expect(await read(log, { tail: 0 })).toBe('');
  expect(await read(log, { tail: 1, timestamps: true })).toBe('1970-01-01T00:00:00.000000050Z 5\n');
});

test('following sees each later line once and ends with the run', async () => {
  const log = createLog();
  log.append('stdout', 'before\n', 1n);
  const followed = read(log, { follow: true });
  log.append('stdout', 'during\n', 2n);
  log.append('stdout', 'last words', 3n);
  log.endRun(4n);
  log.append('stdout', 'next run\n', 5n);
  expect(await followed).toBe('before\nduring\nlast words\n');
});
