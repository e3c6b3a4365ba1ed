import { expect, test } from 'vitest';
import { toIssuerWords } from './issuer-failure.ts';

test.each([
  ['The audience is not whitelisted.', 'The audience is not whitelisted.'],
  ['two\nlines\u001b[2J\tand\u202e more', 'two lines [2J and more'],
  ['Token eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJkaWVnbyJ9.c2lnbmF0dXJl ended', 'Token … ended'],
  [
    'See https://auth.example.com/a/rather/long/path/of/help',
    'See https://auth.example.com/a/rather/long/path/of/help',
  ],
  ['a '.repeat(200), `${'a '.repeat(100)}…`],
])('%j is shown as %j', (text, shown) => {
  expect(toIssuerWords(text)).toBe(shown);
});

test.each([undefined, '', ' \n', 5, null])('%j is nothing to show', (text) => {
  expect(toIssuerWords(text)).toBeUndefined();
});
