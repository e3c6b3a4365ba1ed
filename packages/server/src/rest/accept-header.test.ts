import { expect, test } from 'vitest';
import { prefersText, prefersTextStream } from './accept-header.ts';

test.each([
  [undefined, false],
  ['', false],
  ['*/*', false],
  ['text/plain', true],
  ['TEXT/Plain; charset=utf-8', true],
  ['text/plain, */*', true],
  ['text/*', true],
  ['text/html', false],
  ['application/json', false],
  ['application/json, text/plain, */*', false],
  ['text/plain;q=0', false],
  ['text/plain; q=0.000, */*', false],
  ['text/plain;q=0, application/json;q=0', false],
  ['*/*;q=0, text/plain', true],
  ['application/json;q=0.1, text/plain', true],
  ['application/json;q=0.1, text/plain;Q=0.2', true],
  ['application/json;q=0.2, text/plain;q=0.1', false],
  ['text/plain;q=0.5, */*', false],
  ['text/plain;q=0.5, */*;q=0.1', true],
  ['text/*;q=0.5, text/plain;q=0, application/*;q=0.1', false],
  ['text/plain;q=nonsense', true],
])('Accept: %s beside JSON', (accept, isText) => {
  expect(prefersText(accept, 'application/json')).toBe(isText);
});

test.each([
  [undefined, false],
  ['*/*', false],
  ['text/*', false],
  ['text/plain', true],
  ['text/event-stream', false],
  ['text/event-stream;q=0.5, text/plain', true],
  ['text/plain;q=0.5, text/event-stream', false],
  ['application/json, text/plain, */*', false], // axios, Angular
  ['text/plain, */*', false],
  ['text/plain, text/*', false],
  ['text/plain, application/json', false],
  ['text/plain, */*; q=0.01', true], // jQuery, where text is wanted
])('Accept: %s beside server-sent events', (accept, isText) => {
  expect(prefersTextStream(accept)).toBe(isText);
});
