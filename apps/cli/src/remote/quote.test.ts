import { expect, test } from 'vitest';
import { quote } from './quote.ts';

test.each([
  [['docker', 'exec', '-i', 'web', 'ls', '/a-b_c.d'], 'docker exec -i web ls /a-b_c.d'],
  [[''], "''"],
  [['a b', 'a\nb', '\t'], "'a b' 'a\nb' '\t'"],
  [['$HOME', '`id`', '*', '~', '=ls', '#'], "'$HOME' '`id`' '*' '~' '=ls' '#'"],
  [["it's"], "'it'\\''s'"],
  [['\\', '\\\\n', '!!'], "\\\\ \\\\\\\\'n' \\!\\!"],
  [['exit 7'], "'exit 7'"],
  [['grüß ✓'], "'grüß ✓'"],
])('%j becomes %s', (argv, line) => {
  expect(quote(argv)).toBe(line);
});

test('a NUL byte is refused', () => {
  expect(() => quote(['a\0b'])).toThrow('NUL');
});
