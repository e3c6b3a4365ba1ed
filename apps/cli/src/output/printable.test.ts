import { expect, test } from 'vitest';
import { toOneLine, toPrintable } from './printable.ts';

test.each([
  ['nginx:1.29-alpine', 'nginx:1.29-alpine'],
  ['\u001b[2J\u001b]0;x\u0007', '\\x1b[2J\\x1b]0;x\\x07'],
  ['a\nb\r\tc', 'a\\nb\\r\\tc'],
  ['\u009b31m', '\\x9b31m'],
  ['\u007f\u0000', '\\x7f\\x00'],
  ['name\u202egpj', 'name\\u202egpj'],
  ['\u2028\u200b', '\\u2028\\u200b'],
  ['\ud800', '\\ud800'],
  ['\u{e0041}', '\\u{e0041}'],
  ['数据库 é 👩‍👩‍👧', '数据库 é 👩‍👩‍👧'],
])('toPrintable(%j) is %j', (text, expected) => {
  expect(toPrintable(text)).toBe(expected);
});

test('toOneLine() turns every run of line breaks and tabs into one space', () => {
  expect(toOneLine(' a\r\n\tb\u2028c\u001b ')).toBe('a b c\\x1b');
});
