// The tail: the last lines, in order, joined, bounded.

import { expect, test } from 'vitest';
import { toStamp } from '../../testing/log-frames.test-support.ts';
import type { LogStream } from './frames.ts';
import { createLogTail, entryBytes, type LogTail, slackEntries } from './tail.ts';

type Entry = readonly [stream: LogStream, nanos: number, text: string];

test('the last lines come without their timestamps', () => {
  const entries: Entry[] = [1, 2, 3, 4].map((n) => ['stdout', n, `line ${n}\n`]);
  expect(tailOf(entries, 2).text).toBe('line 3\nline 4\n');
  expect(tailOf(entries, 100).text).toBe('line 1\nline 2\nline 3\nline 4\n');
});

test('stdout and stderr are put in the order of their timestamps', () => {
  const { text } = tailOf([
    ['stdout', 10, 'a\n'],
    ['stdout', 30, 'c\n'],
    ['stderr', 20, 'b\n'],
    ['stderr', 1_000_000_040, 'e\n'],
    ['stdout', 40, 'd\n'],
  ]);
  expect(text).toBe('a\nb\nc\nd\ne\n');
});

test.each([1, 2, 3600])(
  'a clock that is set back by %i s leaves a stream in its order',
  (seconds) => {
    const texts = Array.from({ length: 220 }, (_, n) => `${n}\n`);
    const entries = texts.map((text, n): Entry => {
      const second = n < 200 ? 10_000 + n : 10_199 - seconds;
      return ['stdout', second * 1e9 + n * 1e6, text];
    });
    expect(tailOf(entries, 100).text).toBe(texts.slice(-100).join(''));
  },
);

test('a clock that is set back by more than the streams are apart leaves them in the order they came', () => {
  const { text } = tailOf([
    ['stdout', 3600e9, 'a\n'],
    ['stderr', 3600e9 + 20, 'c\n'],
    ['stdout', 3600e9 + 10, 'b\n'],
    ['stderr', 30, 'e\n'],
    ['stdout', 20, 'd\n'],
    ['stdout', 7200e9, 'f\n'],
  ]);
  expect(text).toBe('a\nb\nc\nd\ne\nf\n');
});

test('lines of one moment stay as the engine sent them', () => {
  const entries: Entry[] = Array.from({ length: 50 }, (_, n) => ['stdout', 7, `${n}\n`]);
  expect(tailOf(entries).text).toBe(entries.map(([, , text]) => text).join(''));
});

test('a long line is joined from its parts, also when the other stream writes in between', () => {
  const part = 'x'.repeat(entryBytes);
  const tail = tailOf([
    ['stdout', 1, part],
    ['stderr', 2, 'between\n'],
    ['stdout', 1, part],
    ['stdout', 1, 'end\n'],
    ['stdout', 3, 'next\n'],
  ]);
  expect(tail.text).toBe(`${part}${part}end\nbetween\nnext\n`);
  expect(tail).toMatchObject({ lineCount: 3, joined: true, entryCount: 5 });
});

test('a character cut in two by parts stays whole', () => {
  const bytes = Buffer.from('🐳\n');
  const tail = createLogTail({ lines: 1, maxBytes: 1000 });
  tail.add('stdout', Buffer.concat([Buffer.from(`${toStamp(1)} `), bytes.subarray(0, 2)]));
  tail.add('stdout', Buffer.concat([Buffer.from(`${toStamp(1)} `), bytes.subarray(2)]));
  expect(finish(tail).text).toBe('🐳\n');
});

test('a line left without newline ends where another begins, and only the last may stay open', () => {
  const tail = tailOf([
    ['stdout', 1, 'open'],
    ['stderr', 2, 'error\n'],
    ['stdout', 3, 'next\n'],
    ['stderr', 4, 'half'],
    ['stdout', 5, 'last'],
  ]);
  expect(tail.text).toBe('open\nerror\nnext\nhalf\nlast');
});

test("another engine's timestamps are understood: fewer digits, another zone", () => {
  const tail = createLogTail({ lines: 10, maxBytes: 1000 });
  tail.add('stdout', Buffer.from('2026-01-02T05:04:05.2+02:00 second\n'));
  tail.add('stderr', Buffer.from('2026-01-02T03:04:05Z first\n'));
  expect(finish(tail).text).toBe('first\nsecond\n');
});

test('what has no timestamp is all text and stays in its place', () => {
  const tail = createLogTail({ lines: 10, maxBytes: 1000 });
  tail.add('stdout', Buffer.from(`${toStamp(5)} one\n`));
  tail.add('stdout', Buffer.from('no stamp here\n'));
  tail.add('stdout', Buffer.from('2026-99-99T00:00:00Z neither\n'));
  tail.add('stdout', Buffer.from(`${toStamp(6)} two\n`));
  expect(finish(tail).text).toBe('one\nno stamp here\n2026-99-99T00:00:00Z neither\ntwo\n');
});

test('an entry of several lines counts as several', () => {
  expect(tailOf([['stdout', 1, 'a\nb\nc\n']], 2).text).toBe('b\nc\n');
});

test('an empty line is a line, an empty entry is none', () => {
  const tail = createLogTail({ lines: 10, maxBytes: 1000 });
  tail.add('stdout', Buffer.from(`${toStamp(1)} \n`));
  tail.add('stdout', Buffer.alloc(0));
  expect(finish(tail)).toMatchObject({ text: '\n', lineCount: 1 });
});

test("a TTY's bytes are cut into lines wherever the chunks end", () => {
  const bytes = Buffer.from('one\r\ntwö\r\nthree\r\n$ ');
  for (let cut = 0; cut <= bytes.length; cut += 1) {
    const tail = createLogTail({ lines: 3, maxBytes: 1000 });
    tail.addRaw(bytes.subarray(0, cut));
    tail.addRaw(bytes.subarray(cut));
    expect(finish(tail).text).toBe('twö\r\nthree\r\n$ ');
  }
});

test('of lines beyond the bound the newest are kept', () => {
  const entries: Entry[] = Array.from({ length: 100 }, (_, n) => [
    'stdout',
    n,
    `${String(n).padStart(99, '.')}\n`,
  ]);
  const tail = tailOf(entries, 100, 1000);
  expect(tail.full).toBe(true);
  expect(tail.text.split('\n')).toHaveLength(11);
  expect(tail.text.endsWith('99\n')).toBe(true);
});

test('a line without end keeps its end, not the memory', () => {
  const tail = createLogTail({ lines: 1, maxBytes: 100_000 });
  for (let n = 0; n < 1000; n += 1) {
    tail.add('stdout', Buffer.from(`${toStamp(1)} ${'z'.repeat(entryBytes)}`));
  }
  tail.add('stdout', Buffer.from(`${toStamp(1)} the end\n`));
  const { text, full } = finish(tail);
  expect(full).toBe(true);
  expect(text.length).toBeLessThanOrEqual(100_000);
  expect(text.endsWith('the end\n')).toBe(true);
});

test('of a long log no more is kept than was asked for, and some', () => {
  const tail = createLogTail({ lines: 10, maxBytes: 1_000_000 });
  for (let n = 0; n < 20_000; n += 1) tail.add('stdout', Buffer.from(`${toStamp(n)} ${n}\n`));
  const { text, lineCount, entryCount } = finish(tail);
  expect(text.trimEnd().split('\n')).toEqual(Array.from({ length: 10 }, (_, n) => `${19_990 + n}`));
  expect({ lineCount, entryCount }).toEqual({ lineCount: 10 + slackEntries, entryCount: 20_000 });
});

/** The pieces are decoded one by one, as their sender does. */
function finish(tail: LogTail) {
  const { pieces, ...rest } = tail.finish();
  return { text: pieces.map((piece) => piece.toString('utf8')).join(''), ...rest };
}

function tailOf(entries: readonly Entry[], lines = 100, maxBytes = 1_000_000) {
  const tail = createLogTail({ lines, maxBytes });
  for (const [stream, nanos, text] of entries) {
    tail.add(stream, Buffer.from(`${toStamp(nanos)} ${text}`));
  }
  return finish(tail);
}
