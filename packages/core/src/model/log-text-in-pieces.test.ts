// However a log lies in memory, its pieces are its text.

import { expect, test } from 'vitest';
import { toLogText } from './log-text-in-pieces.ts';

test.each([
  ['nothing', ''],
  ['a byte order mark', '\ufeffone\n'],
  ['characters on every border', `${'x'.repeat(65_535)}🎉${'y'.repeat(65_534)}🎉z`],
])('gives %s as it was written, in pieces, wherever it is cut', (_what, text) => {
  const bytes = Buffer.from(text);
  for (const at of [0, 1, 65_536, 65_537, 131_075]) {
    const log = toLogText([bytes.subarray(0, at), bytes.subarray(at)]);
    const pieces = [...log.pieces()];
    expect(pieces.join('')).toBe(text);
    expect(Math.max(0, ...pieces.map(({ length }) => length))).toBeLessThanOrEqual(65_537);
    expect(log.bytes).toBe(bytes.length);
  }
});

test('what is no UTF-8 is replaced, also at the end', () => {
  expect([...toLogText([Uint8Array.of(0xff, 0x61, 0xc3)]).pieces()].join('')).toBe('\ufffda\ufffd');
});
