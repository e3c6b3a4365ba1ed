// The bytes that go in must come out of real shells, whatever they are.

import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { quoted } from '../../testing/quote.test-support.ts';
import { quote, unquoteScript, withEnv } from './quote.ts';

const everyByte = Array.from({ length: 127 }, (_, index) => String.fromCharCode(index + 1)).join(
  '',
);

/** What `sh` makes of the arguments: each one followed by a NUL. */
function splitInShell(argv: readonly string[], sh: readonly string[] = ['sh']): string[] {
  const [file = '', ...options] = sh;
  const line = `set -- ${quote(argv)}; ${unquoteScript}; printf '%s\\0' "$@"`;
  const output = execFileSync(file, [...options, '-c', line], { encoding: 'utf8' });
  return output.split('\0').slice(0, -1);
}

describe('quote()', () => {
  it.each(quoted)('gets %s back from a real shell', (_name, argv) => {
    expect(splitInShell(argv)).toEqual(argv);
  });

  it.each([['dash'], ['bash'], ['busybox', 'sh']])('gets them all back from %s', (...sh) => {
    for (const [, argv] of quoted) expect(splitInShell(argv, sh)).toEqual(argv);
  });

  it('gets every byte but NUL back from a real shell', () => {
    expect(splitInShell([everyByte, `\n${everyByte}\n`])).toEqual([everyByte, `\n${everyByte}\n`]);
  });
});

describe('withEnv()', () => {
  it('sets variables, whatever their values hold', () => {
    const value = "it's $HOME\n; `x`";
    const [file = '', ...rest] = withEnv(['sh', '-c', 'printf %s "$A_1"'], { A_1: value, B: '' });
    expect(execFileSync(file, rest, { encoding: 'utf8' })).toBe(value);
  });
});
