import { expect, test } from 'vitest';
import { toPieces } from './ansi.ts';

test.each<[string, [string, string][]]>([
  ['plain', [['plain', '']]],
  ['', []],
  [
    '\x1b[31mred\x1b[0m not',
    [
      ['red', 'fg1'],
      [' not', ''],
    ],
  ],
  [
    '\x1b[1;32mbold green\x1b[39m bold',
    [
      ['bold green', 'bold fg2'],
      [' bold', 'bold'],
    ],
  ],
  ['\x1b[91mbright', [['bright', 'fg1']]],
  [
    '\x1b[38;5;200mone of 256\x1b[m.',
    [
      ['one of 256', ''],
      ['.', ''],
    ],
  ],
  ['\x1b[38;2;1;31;3mtrue colour', [['true colour', '']]],
  [
    'a\x1b[2Kb\x1b]0;title\x07c',
    [
      ['a', ''],
      ['b', ''],
      ['c', ''],
    ],
  ],
  ['bell\x07 and \x1b', [['bell and ', '']]],
  ['<b>&amp;', [['<b>&amp;', '']]],
])('%j', (line, pieces) => {
  expect(toPieces(line).map(({ text, style }) => [text, style])).toEqual(pieces);
});
