// Whatever a log holds, its pieces must come out as the whole would have.

import { expect, test } from 'vitest';
import { toJsonPieces, toTextPieces } from './text-pieces.ts';

const texts = [
  ['nothing', ''],
  ['one piece', 'ready\n"quoted" \\ \u0007 grüß Gott ✓ 🎉'],
  ['characters on every border', `${'x'.repeat(65_535)}🎉${'y'.repeat(65_534)}🎉z`],
  ['half a character', `${'x'.repeat(65_535)}\ud83c`],
] as const;

test.each(texts)('toTextPieces() gives %s back, no piece too long or cut', (_what, text) => {
  const pieces = [...toTextPieces(text)];
  expect(pieces.join('')).toBe(text);
  expect(Math.max(0, ...pieces.map(({ length }) => length))).toBeLessThanOrEqual(64 * 1024);
});

test.each(texts)('toJsonPieces() writes %s as JSON.stringify() does', (_what, logs) => {
  const rest = { container: 'nginx', lines: 5 };
  const pieces = [...toJsonPieces(JSON.stringify(rest), 'logs', logs)];
  expect(pieces.join('')).toBe(JSON.stringify({ ...rest, logs }));
  expect([...toJsonPieces('{}', 'logs', logs)].join('')).toBe(JSON.stringify({ logs }));
});
