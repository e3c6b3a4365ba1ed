// Whatever a log holds, its pieces must come out as the whole would have.

import { expect, test } from 'vitest';
import { toJsonPieces, toTextStream } from './send-long-text.ts';

test.each([
  ['nothing', []],
  ['one piece', ['ready\n"quoted" \\ \u0007 grüß Gott ✓ 🎉']],
  ['many', ['x'.repeat(65_535), '🎉', '"\n', '']],
])('toJsonPieces() writes %s as JSON.stringify() does', (_what, texts) => {
  const fields = { container: 'nginx', lines: 5 };
  const logs = texts.join('');
  const pieces = [...toJsonPieces(JSON.stringify(fields), 'logs', texts)];
  expect(pieces.join('')).toBe(JSON.stringify({ ...fields, logs }));
  expect([...toJsonPieces('{}', 'logs', texts)].join('')).toBe(JSON.stringify({ logs }));
});

test('a text stream makes one piece a turn, however much its reader takes', async () => {
  const waiting: (() => void)[] = [];
  const made: string[] = [];
  function* make() {
    for (const piece of ['', 'one', '', 'two', 'three', '']) {
      made.push(piece);
      yield piece;
    }
  }
  const stream = toTextStream(make(), (run) => waiting.push(run));
  const read = stream.setEncoding('utf8').toArray();
  const seen: number[] = [];
  while (!stream.readableEnded) {
    await new Promise(setImmediate);
    seen.push(made.filter((piece) => piece !== '').length);
    waiting.shift()?.();
  }
  expect((await read).join('')).toBe('onetwothree');
  expect(new Set(seen)).toEqual(new Set([0, 1, 2, 3]));
});

test('a text stream that is left makes nothing more, and one whose text fails is cut off', async () => {
  let isLeft = false;
  function* make() {
    try {
      yield 'one';
      throw new Error('broken');
    } finally {
      isLeft = true;
    }
  }
  const left = toTextStream(make(), setImmediate);
  left.once('data', () => left.destroy());
  await new Promise((resolve) => left.once('close', resolve));
  expect(isLeft).toBe(true);
  await expect(toTextStream(make(), setImmediate).toArray()).rejects.toThrow('broken');
});
