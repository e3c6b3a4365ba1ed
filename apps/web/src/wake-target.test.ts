import { expect, test } from 'vitest';
import { readWakeTarget, toDestination } from './wake-target.ts';

const allowed = ['https://cloud.example.com', 'http://127.0.0.1:8080'];

test.each([['https://cloud.example.com/files?x=1#y'], ['http://127.0.0.1:8080/']])(
  '%s is led on to',
  (to) => {
    expect(toDestination(to, allowed)).toEqual({ url: to });
  },
);

test.each([
  ['https://evil.example.com/'],
  ['https://cloud.example.com.evil.example.com/'],
  ['https://cloud.example.com@evil.example.com/'],
  ['http://cloud.example.com/'],
  ['https://cloud.example.com:8443/'],
  ['//cloud.example.com/'],
  ['javascript:alert(1)'],
  ['data:text/html,x'],
  ['/local'],
  [''],
])('%j is not', (to) => {
  const { url, problem } = toDestination(to, allowed);
  expect(url).toBeUndefined();
  expect(problem).toContain('RETURN_ORIGINS');
});

test('without a destination it stays', () => {
  expect(toDestination(undefined, allowed)).toEqual({});
});

test('the address names the container, below any path', () => {
  const location = { pathname: '/ondemand/wake/my%2Dapp', search: '?to=https%3A%2F%2Fx.example' };
  expect(readWakeTarget(location, '/ondemand')).toEqual({
    name: 'my-app',
    to: 'https://x.example',
  });
  expect(readWakeTarget({ pathname: '/wake/a', search: '' }, '')).toEqual({
    name: 'a',
    to: undefined,
  });
  expect(readWakeTarget({ pathname: '/', search: '' }, '')).toBeUndefined();
});
