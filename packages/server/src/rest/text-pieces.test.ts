// Whatever a log holds, its pieces must come out as the whole would have.

import { expect, test } from 'vitest';
import { toJsonPieces } from './text-pieces.ts';

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
