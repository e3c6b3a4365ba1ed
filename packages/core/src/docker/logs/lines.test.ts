// Lines out of a followed log's bytes: cut anywhere, long, of a terminal, and what is no log at all.

import { expect, test } from 'vitest';
import { toEntry, toFrame, toStamp } from '../../testing/log-frames.test-support.ts';
import { createLogLines, type LogLinesOptions } from './lines.ts';
import { entryBytes } from './tail.ts';

const first = { seconds: Date.UTC(2026, 0, 2, 3, 4, 5) / 1000, nanos: 1 };
const now = first.seconds * 1000 + 10_000;
const framed = Buffer.concat([
  toEntry(1, 1, 'one\n'),
  toEntry(2, 2, 'zwei wörd 🎉\n'),
  toFrame(1, ''),
  toEntry(1, 3, '\n'),
  toEntry(1, 4, ' both \r\n'),
]);
const framedLines = ['one', 'zwei wörd 🎉', '', ' both \r'];

test('each entry is a line, with its stream and its time, without its newline', () => {
  expect(decode([framed])).toEqual([
    { line: 'one', stream: 'stdout', at: first },
    { line: 'zwei wörd 🎉', stream: 'stderr', at: { ...first, nanos: 2 } },
    { line: '', stream: 'stdout', at: { ...first, nanos: 3 } },
    { line: ' both \r', stream: 'stdout', at: { ...first, nanos: 4 } },
  ]);
});

test('a log that is cut in two at any byte gives the same lines', () => {
  for (let cut = 0; cut <= framed.length; cut += 1) {
    const parts = [framed.subarray(0, cut), framed.subarray(cut)];
    expect(decode(parts).map(({ line }) => line)).toEqual(framedLines);
  }
});

test('the parts of a long line are one line, also when a character is split and the other stream comes between', () => {
  const text = `${'x'.repeat(entryBytes - 1)}ö${'y'.repeat(entryBytes)}🎉 end`;
  const bytes = Buffer.from(text);
  const parts = [0, 1, 2].map((n) =>
    Buffer.concat([
      Buffer.from(`${toStamp(7)} `),
      bytes.subarray(n * entryBytes, (n + 1) * entryBytes),
      Buffer.from(n === 2 ? '\n' : ''),
    ]),
  );
  const [one, two, three] = parts.map((part) => toFrame(1, part));
  const lines = decode([one, toEntry(2, 7, 'between\n'), two, three, toEntry(1, 8, 'next\n')]);
  expect(lines.map(({ line }) => line)).toEqual(['between', text, 'next']);
});

test('an entry without newline before one of another time is a line of its own', () => {
  const lines = decode([toEntry(1, 1, 'no newline'), toEntry(1, 2, 'next\n')]);
  expect(lines.map(({ line }) => line)).toEqual(['no newline', 'next']);
});

test('a long line of a TTY that was never finished ends where another time begins', () => {
  const bytes = `${toStamp(1)} ${'x'.repeat(entryBytes)}${toStamp(2)} next\r\n`;
  const lines = decode([Buffer.from(bytes)], { tty: true });
  expect(lines.map(({ line }) => line)).toEqual(['x'.repeat(entryBytes), 'next']);
});

test("a run of a TTY that ended without newline ends where the next one's first line begins, whatever the cut", () => {
  const nextYear = toStamp(365 * 86_400 * 1e9);
  const bytes = Buffer.from(
    `${toStamp(1e6)} > ${toStamp(2e6)} $ ${toStamp(4e6)} at ${toStamp(3e6)} and ${toStamp(4e6 + 9)} until ${nextYear} \r\n${toStamp(5e6)} next\r\n`,
  );
  for (let cut = 0; cut <= bytes.length; cut += 1) {
    const lines = decode([bytes.subarray(0, cut), bytes.subarray(cut)], {
      tty: true,
      now: () => now,
    });
    expect(lines.map(({ line, at }) => [line, at.nanos])).toEqual([
      ['> ', 1e6],
      ['$ ', 2e6],
      [`at ${toStamp(3e6)} and ${toStamp(4e6 + 9)} until ${nextYear} `, 4e6],
      ['next', 5e6],
    ]);
  }
});

test('a last line without newline is given at the end, not before', () => {
  const decoder = createLogLines({ tty: false });
  expect(decoder.push(toEntry(1, 1, 'last'))).toEqual([]);
  expect(decoder.end()).toEqual([{ line: 'last', stream: 'stdout', at: first }]);
});

test('several lines in one entry are several lines of its time', () => {
  const lines = decode([toEntry(1, 1, 'a\n\nb\n')]);
  expect(lines.map(({ line, at }) => [line, at.nanos])).toEqual([
    ['a', 1],
    ['', 1],
    ['b', 1],
  ]);
});

test("an entry without timestamp is a line of the time before, and Podman's timestamps are read", () => {
  const lines = decode([
    toFrame(1, '2026-01-02T04:04:05.5+01:00 a\n'),
    toFrame(1, 'no stamp here\n'),
  ]);
  expect(lines).toEqual([
    { line: 'a', stream: 'stdout', at: { ...first, nanos: 500_000_000 } },
    { line: 'no stamp here', stream: 'stdout', at: { ...first, nanos: 500_000_000 } },
  ]);
});

test.each([
  ['frames', (text: string) => toEntry(1, 1, text), false],
  ['a TTY', (text: string) => Buffer.from(`${toStamp(1)} ${text}`), true],
])('a line over the limit comes in the same pieces however %s are cut', (_name, wrap, tty) => {
  const texts = ['ab🎉cdefgh', '🎉🎉🎉', 'abcdefgh', 'abcdefghi', 'x'];
  const whole = Buffer.concat(texts.map((text) => wrap(`${text}\n`)));
  for (let cut = 0; cut <= whole.length; cut += 1) {
    const parts = [whole.subarray(0, cut), whole.subarray(cut)];
    expect(decode(parts, { tty, maxLineBytes: 8 }).map(({ line }) => line)).toEqual([
      'ab🎉cd',
      'efgh',
      '🎉🎉',
      '🎉',
      'abcdefgh',
      'abcdefgh',
      'i',
      'x',
    ]);
  }
});

test('a line that never ends is given in pieces of a mebibyte, and none of it is kept', () => {
  const decoder = createLogLines({ tty: false });
  const part = toEntry(1, 1, 'x'.repeat(entryBytes));
  const pieces = Array.from({ length: 193 }, () => decoder.push(part)).flat();
  expect(pieces.map(({ line }) => line.length)).toEqual([1 << 20, 1 << 20, 1 << 20]);
});

test("a TTY's log has no frames: lines end in \\r\\n, of which nothing is left, whatever the cut", () => {
  const bytes = Buffer.from(
    `${toStamp(1)} $ ls\r\n${toStamp(2)} \r\n${toStamp(3)} wörd\r\r\n${toStamp(4)} bare\n${toStamp(5)} $ `,
  );
  for (let cut = 0; cut <= bytes.length; cut += 1) {
    const lines = decode([bytes.subarray(0, cut), bytes.subarray(cut)], { tty: true });
    expect(lines.map(({ line, at }) => [line, at.nanos])).toEqual([
      ['$ ls', 1],
      ['', 2],
      ['wörd\r', 3],
      ['bare', 4],
      ['$ ', 5],
    ]);
  }
});

test.each([-3, -2, -1, 0, 1, 2, entryBytes - 1, entryBytes, 3 * entryBytes])(
  'a TTY line of 16 KiB and %i bytes loses the stamps in its middle, and no other that it holds',
  (more) => {
    const body = `${toStamp(1)} ${toStamp(9)} `;
    const text = body + 'x'.repeat(entryBytes + more - body.length);
    const bytes = Buffer.from(`${text}\r\n`);
    const parts: Buffer[] = [];
    for (let start = 0; start < bytes.length; start += entryBytes) {
      parts.push(Buffer.from(`${toStamp(1)} `), bytes.subarray(start, start + entryBytes));
    }
    parts.push(Buffer.from(`${toStamp(2)} next\r\n`));
    const whole = Buffer.concat(parts);
    const cuts = [0, 20, entryBytes - 2, entryBytes + 31, entryBytes + 40, entryBytes + 62];
    for (const cut of cuts) {
      const lines = decode([whole.subarray(0, cut), whole.subarray(cut)], { tty: true });
      expect(lines.map(({ line }) => line)).toEqual([text, 'next']);
    }
  },
);

test.each([
  ['text without frames', Buffer.from('no frames at all'), 'malformed'],
  ['a daemon that fails', toFrame(3, 'secret'), 'failed while it read the log'],
  ['an end inside a frame', framed.subarray(0, 20), 'malformed'],
])('%s is SERVICE_UNAVAILABLE', (_name, bytes, words) => {
  expect(() => decode([bytes])).toThrow(
    expect.objectContaining({
      code: 'SERVICE_UNAVAILABLE',
      message: expect.stringContaining(words),
    }),
  );
});

function decode(chunks: readonly (Buffer | undefined)[], options: Partial<LogLinesOptions> = {}) {
  const decoder = createLogLines({ tty: false, ...options });
  const lines = chunks.flatMap((chunk) => decoder.push(chunk ?? Buffer.alloc(0)));
  return [...lines, ...decoder.end()];
}
