// What of a text is hidden, and what is left to read.

import { describe, expect, test } from 'vitest';
import { environmentSecrets, redact, redactCut } from './redact.ts';

const hide = (text: string, ...env: string[]) => redact(text, environmentSecrets(env));

describe('redact()', () => {
  test.each([
    ['a value as an argument', 'db --password hunter22', ['P=hunter22'], 'db --password ***'],
    ['a value inside a word', 'xhunter22x', ['P=hunter22'], 'x***x'],
    ['a pair of name and value', 'env P=hunter22 run', ['P=hunter22'], 'env P=*** run'],
    ['every time', 'hunter22,hunter22 hunter22', ['P=hunter22'], '***,*** ***'],
    ['the longer of two', 'hunter22secret', ['A=hunter22', 'B=hunter22secret'], '***'],
    ['values that overlap', 'abcdefghi', ['A=abcdef', 'B=defghi'], '***'],
    ['values side by side', 'abcdefgh', ['A=abcd', 'B=efgh'], '***'],
    ['a value that overlaps itself', 'xabababax', ['A=abab'], 'x***ax'],
    ['a value with an equals sign', 'k=v==', ['P=k=v=='], '***'],
    [
      'a value with a regular expression in it',
      'a.*+?^$()|[{}]\\b',
      ['P=.*+?^$()|[{}]\\'],
      'a***b',
    ],
    ['a value in another script', 'pass: пароль', ['P=пароль'], 'pass: ***'],
    ['percent-encoding', '?p=a%2Fb%20c%26d', ['P=a/b c&d'], '?p=***'],
    ['percent-encoding in small letters', '?p=a%2fb%20c%26d', ['P=a/b c&d'], '?p=***'],
    ['percent-encoding of a form', '?p=a%2Fb+c%26d', ['P=a/b c&d'], '?p=***'],
    ['percent-encoding that spares nothing', '?p=%28abc%21%29', ['P=(abc!)'], '?p=***'],
    ['a value inside JSON', '{"p":"a\\"b\\nc"}', ['P=a"b\nc'], '{"p":"***"}'],
    ['base64', 'Basic aHVudGVyMjI=', ['P=hunter22'], 'Basic ***='],
    [
      'base64 for URLs',
      `t=${Buffer.from('>>>???>>>').toString('base64url')}`,
      ['P=>>>???>>>'],
      't=***',
    ],
    ['a value without its newline', 'key=hunter22;', ['P=hunter22\n'], 'key=***;'],
    ['a value without the blanks around it', 'key=hunter22;', ['P= hunter22 '], 'key=***;'],
    ['a value without its quotes', 'key=hunter22;', ['P="hunter22"'], 'key=***;'],
    ['a line of a value', 'got MIIEvQ', ['P=-----BEGIN-----\nMIIEvQ\n-----END-----'], 'got ***'],
    ['the password of a URL', 'pw hunter22', ['U=postgres://me:hunter22@db/x'], 'pw ***'],
    ['the password of a URL, decoded', 'pw a/b!c', ['U=redis://:a%2Fb%21c@db'], 'pw ***'],
    ['half a surrogate pair', 'a\ud800bcd', ['P=\ud800bcd'], 'a***'],
  ])('hides %s', (_name, text, env, shown) => {
    expect(hide(text, ...env)).toBe(shown);
  });

  test.each([
    ['as an argument', 'run -p abc', 'run -p ***'],
    ['as a value', 'P=abc', 'P=***'],
    ['in quotes', '"abc"', '"***"'],
    ['in a URL', 'http://u:abc@host/', 'http://u:***@host/'],
    ['in a list', 'x,abc,y', 'x,***,y'],
    ['alone', 'abc', '***'],
    ['but not in a word', 'abcd xabc abc_d 1.abc', 'abcd xabc abc_d 1.abc'],
  ])('hides a short value %s', (_name, text, shown) => {
    expect(hide(text, 'P=abc')).toBe(shown);
  });

  test('leaves names, blank values and what has no value alone', () => {
    expect(hide('NAME and   EMPTY', 'NAME', 'EMPTY=', 'BLANK=  ')).toBe('NAME and   EMPTY');
    expect(environmentSecrets(['NAME', 'EMPTY=', 'BLANK=    '])).toEqual([]);
  });

  test('takes a text that is made to take long in little time, and shows nothing of it', () => {
    const env = Array.from({ length: 500 }, (_, index) => `V${index}=${'a'.repeat(index + 4)}`);
    const begun = performance.now();
    expect(hide('a'.repeat(1_000_000), ...env)).toBe('***');
    expect(performance.now() - begun).toBeLessThan(5000);
  });

  test('takes a big environment and a long text in little time', () => {
    const env = Array.from(
      { length: 500 },
      (_, index) => `V${index}=value-${index}-${'x'.repeat(50)}`,
    );
    const begun = performance.now();
    hide('value-1 '.repeat(2000), ...env);
    expect(performance.now() - begun).toBeLessThan(2000);
  });
});

test('environmentSecrets() gives each word once, the longest first', () => {
  const words = environmentSecrets(['A=hunter22', 'B=hunter22', 'C=abc']);
  expect(new Set(words).size).toBe(words.length);
  expect(words.map((word) => word.length)).toEqual(
    words.map((word) => word.length).sort((a, b) => b - a),
  );
  expect(words).toContain('hunter22');
});

describe('redactCut()', () => {
  const words = environmentSecrets(['P=hunter22secret']);
  test.each([
    ['the beginning of a value at the end', 'it is hunter22s', 'it is ***'],
    ['it before the dots of who cut it', 'it is hunter22s...', 'it is ***...'],
    ['a whole value', 'it is hunter22secret', 'it is ***'],
    ['no less than four characters of it', 'it is hun', 'it is hun'],
    ['nothing in the middle', 'hunter22 is it', 'hunter22 is it'],
  ])('hides %s', (_name, text, shown) => {
    expect(redactCut(text, words)).toBe(shown);
  });
});
