// The bytes that go in must come out of a real shell, whatever they are.

import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { isAppError } from '../errors.ts';
import { quote, quoteWithEnv } from './quote.ts';

const everyByte = Array.from({ length: 127 }, (_, index) => String.fromCharCode(index + 1)).join(
  '',
);

const table: readonly (readonly [name: string, argv: readonly string[], line: string])[] = [
  ['a plain word', ['ls'], `'ls'`],
  ['an empty string', ['printf', ''], `'printf' ''`],
  ['a space', ['a b'], `'a b'`],
  ['a newline', ['a\nb'], `'a\nb'`],
  ['a single quote', ["it's"], `'it'\\''s'`],
  ['nothing but single quotes', ["''"], `''\\'''\\'''`],
  ['a double quote', ['"'], `'"'`],
  ['a backslash', ['\\'], `'\\'`],
  ['a substitution', ['$(reboot)`reboot`'], `'$(reboot)\`reboot\`'`],
  ['a separator', [';reboot', '&&', '|', '>x'], `';reboot' '&&' '|' '>x'`],
  ['a leading dash', ['-rf'], `'-rf'`],
  ['a glob and a tilde', ['*', '~', '?', '[a]'], `'*' '~' '?' '[a]'`],
  ['an assignment and a keyword', ['A=b', 'if'], `'A=b' 'if'`],
  ['a history expansion', ['!!'], `'!!'`],
  ['unicode', ['ü🚀'], `'ü🚀'`],
];

/** What `sh` makes of the arguments: each one followed by a NUL. */
function splitInShell(argv: readonly string[]): string[] {
  const line = quote(['printf', '%s\\0', ...argv]);
  const output = execFileSync('sh', ['-c', line], { encoding: 'utf8' });
  return output.split('\0').slice(0, -1);
}

describe('quote()', () => {
  it.each(table)('quotes %s', (_name, argv, line) => {
    expect(quote(argv)).toBe(line);
  });

  it.each(table)('gets %s back from a real shell', (_name, argv) => {
    expect(splitInShell(argv)).toEqual(argv);
  });

  it('gets every byte but NUL back from a real shell', () => {
    expect(splitInShell([everyByte, `\n${everyByte}\n`])).toEqual([everyByte, `\n${everyByte}\n`]);
  });

  it.each(['\0', 'a\0b', 'a\0'])('refuses a NUL byte in %j', (part) => {
    expect(() => quote(['echo', part])).toThrow(/NUL byte/);
  });

  it('refuses an empty vector', () => {
    expect(() => quote([])).toThrow(/at least its name/);
  });
});

describe('quoteWithEnv()', () => {
  it('leaves a command without variables alone', () => {
    expect(quoteWithEnv(['ls'], {})).toBe(`'ls'`);
  });

  it('sets variables, whatever their values hold', () => {
    const value = "it's $HOME\n; `x`";
    const line = quoteWithEnv(['sh', '-c', 'printf %s "$A_1"'], { A_1: value, B: '' });
    expect(execFileSync('sh', ['-c', line], { encoding: 'utf8' })).toBe(value);
  });

  it.each(['', '1A', 'A-B', 'A=B', '-i', 'A B', 'Ä', 'A\n'])('refuses the name %j', (name) => {
    expect(() => quoteWithEnv(['ls'], { [name]: 'x' })).toThrow(/Not a name/);
  });

  it('refuses a command that env would take for a variable', () => {
    const refused = () => quoteWithEnv(['a=b'], { A: 'x' });
    expect(refused).toThrow(/may not have '='/);
    try {
      refused();
    } catch (error) {
      expect(isAppError(error, 'BAD_REQUEST')).toBe(true);
    }
  });
});
