// The logs that are asked of Docker: the last lines of both streams, however they are stored, cut or damaged.

import type { IncomingMessage } from 'node:http';
import { expect, test } from 'vitest';
import { AppError } from '../../app-error.ts';
import type { LogText } from '../../model/log-text-in-pieces.ts';
import { startFakeEngine } from '../../testing/fake-engine.test-support.ts';
import { id, running, withBox } from '../../testing/fake-engine-with-one-container.test-support.ts';
import { toEntry, toFrame } from '../../testing/log-frames.test-support.ts';
import { entryBytes } from '../logs/tail.ts';
import { createEngine } from './engine.ts';

/** As Docker reads a json log with zeros at `-1` in it: what it was asked for up to the zeros, or less than all behind them. */
function answerDamaged(
  entries: readonly number[],
  { lost, toBytes }: { lost: number; toBytes: (n: number) => Buffer },
) {
  return (request: IncomingMessage, response: { end(bytes: Buffer): void }) => {
    const query = new URL(`http://x${request.url}`).searchParams;
    const asked = entries.slice(-Number(query.get('tail')));
    const damage = asked.indexOf(-1);
    const given = damage === -1 ? asked : asked.toSpliced(damage, lost);
    response.end(Buffer.concat(given.map(toBytes)));
  };
}

const numbers = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);

const damaged = [...numbers(1, 40), -1, ...numbers(50, 60)];

/** The zeros of a hard reset are glued to the entry behind them. */
const damagedLogs: [
  name: string,
  entries: number[],
  read: { lines: number; lost?: number },
  expected: number[],
][] = [
  ['before the lines wanted', damaged, { lines: 5 }, numbers(56, 60)],
  ['just before them', damaged, { lines: 11 }, numbers(50, 60)],
  ['just before them, and read over', damaged, { lines: 11, lost: 4 }, numbers(50, 60)],
  ['among them', damaged, { lines: 20 }, numbers(33, 40)],
  [
    'among them, and read over',
    damaged,
    { lines: 20, lost: 4 },
    [...numbers(33, 40), ...numbers(53, 60)],
  ],
  ['at the start of the log', [-1, ...numbers(50, 60)], { lines: 5 }, numbers(56, 60)],
  [
    'twice',
    [...numbers(1, 9), -1, ...numbers(20, 29), -1, ...numbers(40, 49)],
    { lines: 3 },
    numbers(47, 49),
  ],
  ['at the end', [...numbers(1, 40), -1], { lines: 3 }, numbers(39, 40)],
  ['nowhere', numbers(1, 9), { lines: 5 }, numbers(5, 9)],
];

test('logs() gives the last lines of both streams in the order they were written', async () => {
  await using fake = await startFakeEngine(
    withBox(running(), (_request, response) => {
      response.write(Buffer.concat([toEntry(1, 1, 'one\n'), toEntry(1, 3, 'three\n')]));
      response.end(Buffer.concat([toEntry(2, 2, 'two\n'), toEntry(1, 4, 'four\n')]));
    }),
  );
  await using engine = createEngine(fake);
  expect(textOf(await engine.logs(id, { lines: 3 }))).toBe('two\nthree\nfour\n');
  const path = `GET /v1.41/containers/${id}/logs?stdout=1&stderr=1&timestamps=1`;
  expect(fake.requests.slice(-2)).toEqual([`${path}&tail=35`, `${path}&tail=3`]);
});

test.each(damagedLogs)(
  'logs() with zeros of a hard reset %s are as docker gives them, and held once',
  async (_name, entries, { lines, lost = entries.length }, expected) => {
    for (const tty of [false, true]) {
      const toBytes = (n: number) =>
        tty ? Buffer.from(`line ${n}\n`) : toEntry(1, n, `line ${n}\n`);
      await using fake = await startFakeEngine(
        withBox({ ...running(), tty }, answerDamaged(entries, { lost, toBytes })),
      );
      await using engine = createEngine(fake);
      let held = 0;
      const countBytes = (bytes: number) => {
        held += bytes;
      };
      const log = await engine.logs(id, { lines, countBytes });
      expect(textOf(log)).toBe(expected.map((n) => `line ${n}\n`).join(''));
      expect(held).toBe(256 * 1024);
    }
  },
);

test('logs() of a TTY are taken as they are, without frames and timestamps', async () => {
  await using fake = await startFakeEngine(
    withBox({ ...running(), tty: true }, (_request, response) => {
      response.write(Buffer.from('hello\r\nwö'));
      response.end(Buffer.from('rld\r\n$ '));
    }),
  );
  await using engine = createEngine(fake);
  expect(textOf(await engine.logs(id, { lines: 2 }))).toBe('wörld\r\n$ ');
  expect(fake.requests.at(-1)).toContain('timestamps=0');
});

test('logs() of no lines are empty', async () => {
  await using fake = await startFakeEngine(
    withBox(running(), (_request, response) => response.end()),
  );
  await using engine = createEngine(fake);
  expect(textOf(await engine.logs(id, { lines: 10 }))).toBe('');
});

test('logs() asks again when long lines fill the entries that it asked for', async () => {
  // As Docker does: each line in parts of 16 KiB, the tail counted in parts.
  const parts = Array.from({ length: 200 }, (_, line) =>
    [1, 2, 3].map((part) =>
      toEntry(1, line, part < 3 ? 'x'.repeat(entryBytes) : `end of ${line}\n`),
    ),
  ).flat();
  await using fake = await startFakeEngine(
    withBox(running(), (request, response) => {
      const tail = Number(new URL(`http://x${request.url}`).searchParams.get('tail'));
      response.end(Buffer.concat(parts.slice(-tail)));
    }),
  );
  await using engine = createEngine(fake);
  const lines = textOf(await engine.logs(id, { lines: 50 }))
    .trimEnd()
    .split('\n');
  expect(lines).toHaveLength(50);
  expect(lines.map((line) => line.replace(/^x+/, ''))).toEqual(
    Array.from({ length: 50 }, (_, n) => `end of ${150 + n}`),
  );
  expect(lines.every((line) => line.length > 2 * entryBytes)).toBe(true);
});

test.each([
  ['a daemon that fails', toFrame(3, 'secret'), 'failed while it read the log'],
  ['text without frames', Buffer.from('no frames at all'), 'malformed'],
  ['an end inside a frame', toFrame(1, 'half a line').subarray(0, 12), 'malformed'],
  ['a claim of 4 GiB', Buffer.from([1, 0, 0, 0, 255, 255, 255, 255, 0]), 'malformed'],
])('logs() with %s are SERVICE_UNAVAILABLE', async (_name, bytes, words) => {
  await using fake = await startFakeEngine(
    withBox(running(), (_request, response) => response.end(bytes)),
  );
  await using engine = createEngine(fake);
  await expect(engine.logs(id, { lines: 10 })).rejects.toMatchObject({
    code: 'SERVICE_UNAVAILABLE',
    message: expect.stringContaining(words),
  });
});

test('logs() that are cut are SERVICE_UNAVAILABLE, never a shorter log', async () => {
  await using fake = await startFakeEngine(
    withBox(running(), (request, response) => {
      response.write(toEntry(1, 1, 'one\n'));
      setTimeout(() => request.socket.destroy(), 20);
    }),
  );
  await using engine = createEngine(fake);
  await expect(engine.logs(id, { lines: 10 })).rejects.toMatchObject({
    code: 'SERVICE_UNAVAILABLE',
  });
});

test('logs() end at once when what they hold exceeds the caller’s budget', async () => {
  await using fake = await startFakeEngine(
    withBox(running(), (_request, response) => {
      response.write(toEntry(1, 1, 'one\n')); // and no end
    }),
  );
  await using engine = createEngine(fake);
  const tooMuch = new AppError('SERVICE_UNAVAILABLE', 'too much');
  const countBytes = () => {
    throw tooMuch;
  };
  await expect(engine.logs(id, { lines: 10, countBytes })).rejects.toBe(tooMuch);
});

function textOf(log: LogText): string {
  return [...log.pieces()].join('');
}
