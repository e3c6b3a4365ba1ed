// How a command line is written, and what is refused.

import { describe, expect, it } from 'vitest';
import { isAppError } from '../../app-error.ts';
import { quoted } from '../../testing/quote.test-support.ts';
import { quote, withEnv } from './quote.ts';

describe('quote()', () => {
  it.each(quoted)('quotes %s', (_name, argv, line) => {
    expect(quote(argv)).toBe(line);
  });

  it.each(['\0', 'a\0b', 'a\0'])('refuses a NUL byte in %j', (part) => {
    expect(() => quote(['echo', part])).toThrow(/NUL byte/);
  });

  it('refuses an empty vector', () => {
    expect(() => quote([])).toThrow(/at least its name/);
  });
});

describe('withEnv()', () => {
  it('leaves a command without variables alone', () => {
    expect(withEnv(['ls'], {})).toEqual(['ls']);
  });

  it.each(['', '1A', 'A-B', 'A=B', '-i', 'A B', 'Ä', 'A\n'])('refuses the name %j', (name) => {
    expect(() => withEnv(['ls'], { [name]: 'x' })).toThrow(/Not a name/);
  });

  it('refuses a command that env would take for a variable', () => {
    const refused = () => withEnv(['a=b'], { A: 'x' });
    expect(refused).toThrow(/may not have '='/);
    try {
      refused();
    } catch (error) {
      expect(isAppError(error, 'BAD_REQUEST')).toBe(true);
    }
  });
});
