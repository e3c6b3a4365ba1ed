import { stripVTControlCharacters } from 'node:util';
import { expect, test } from 'vitest';
import { cutToWidth } from './width.ts';

test.each([
  ['abc', 3, 'abc'],
  ['abcd', 3, 'abc'],
  ['', 3, ''],
  ['数据库', 5, '数据'],
  ['👩‍👩‍👧👩‍👩‍👧', 3, '👩‍👩‍👧'],
  ['e\u0301e\u0301e\u0301', 2, 'e\u0301e\u0301'],
])('%s in %i columns is %s', (line, columns, expected) => {
  expect(cutToWidth(line, columns)).toBe(expected);
});

test('colours take no columns and end where the line is cut', () => {
  const line = '\u001b[31mred\u001b[39m and \u001b[32mgreen\u001b[39m';
  expect(cutToWidth(line, 13)).toBe(line);
  const cut = cutToWidth(line, 10);
  expect(stripVTControlCharacters(cut)).toBe('red and gr');
  expect(cut.endsWith('\u001b[0m')).toBe(true);
});
