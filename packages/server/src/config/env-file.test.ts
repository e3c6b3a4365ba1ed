// What an env file says, and what is refused rather than dropped.

import { expect, test } from 'vitest';
import { parseEnvFile } from './env-file.ts';

test.each([
  ['a byte order mark', '\uFEFFA=1\nB=2', { A: '1', B: '2' }],
  ['Windows line ends', 'A=1\r\nB=2\r\n', { A: '1', B: '2' }],
  ['blank lines and comments', '\n# one\n  # two\nA=1\n\n', { A: '1' }],
  ['export, and space around the sign', 'export A = 1', { A: '1' }],
  ['an empty value', 'A=\nB=""', { A: '', B: '' }],
  ['a sign inside a value', 'A=b=c', { A: 'b=c' }],
  ['quotes of each kind', `A="b # c"\nB='d'\nC=\`e\``, { A: 'b # c', B: 'd', C: 'e' }],
  ['a value over several lines', 'A="b\nc"\nD=1', { A: 'b\nc', D: '1' }],
  ['a comment behind a value', 'A=b # c\nD="e" # f\nG= # h', { A: 'b', D: 'e', G: '' }],
])('parseEnvFile() reads %s', (_what, text, variables) => {
  expect(parseEnvFile(text)).toMatchObject({ variables, problems: [], warnings: [] });
});

test.each([
  ['a semicolon comment', '; comment\nA=1', 1],
  ['a section', 'A=1\n[section]', 2],
  ['YAML', 'A=1\n\nB: 2', 3],
  ['a bare name', 'COMPOSE_ROOTS', 1],
  ['a name that is none', '1A=1', 1],
  ['a name with a dash', 'A-B=1', 1],
  ['a quote that is not closed', 'A="b\nC=1', 1],
  ['something behind the quotes', 'A="b" c', 1],
  ['what is not UTF-8', '# gr\uFFFDn\nA=gr\uFFFDn', 2],
  ['UTF-16', '\uFFFD\uFFFDA\0=\x001', 1],
])('parseEnvFile() refuses %s by the number of its line', (_what, text, line) => {
  expect(parseEnvFile(text).problems).toEqual([expect.stringMatching(`^line ${line}: `)]);
});

test('parseEnvFile() keeps a # inside an unquoted value, and warns by the name of the variable', () => {
  const { variables, warnings } = parseEnvFile('OIDC_CLIENT_SECRET=abc#def');
  expect(variables).toEqual({ OIDC_CLIENT_SECRET: 'abc#def' });
  expect(warnings).toEqual([expect.stringMatching(/^OIDC_CLIENT_SECRET: .*quote/)]);
  expect(warnings.join()).not.toContain('abc');
});

test('parseEnvFile() takes the last of several values, and warns by name and line', () => {
  const { variables, warnings } = parseEnvFile('A=1\nB=2\nA=3');
  expect(variables).toEqual({ A: '3', B: '2' });
  expect(warnings).toEqual([expect.stringMatching(/^A: .*line 3/)]);
});

test('parseEnvFile() warns of a value that begins with a #, and so is none', () => {
  const { variables, warnings } = parseEnvFile('OIDC_CLIENT_SECRET=#abc\nA= # a comment');
  expect(variables).toEqual({ OIDC_CLIENT_SECRET: '', A: '' });
  expect(warnings).toEqual([expect.stringMatching(/^OIDC_CLIENT_SECRET: .*quote/)]);
});
