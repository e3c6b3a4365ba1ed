import { expect, test } from 'vitest';
import { createTestClock } from './issuer.test-support.ts';
import { createTokenCache, toTokenHash } from './token-cache.ts';

function open(maxEntries = 3) {
  const clock = createTestClock();
  return { clock, cache: createTokenCache<number>({ maxEntries, now: clock.now }) };
}

test('a value serves until its time is over, and is remembered as seen after that', () => {
  const { cache, clock } = open();
  cache.set('a', 1, 1000);
  clock.advance(999);
  expect(cache.get('a')).toBe(1);
  clock.advance(1);
  expect([cache.get('a'), cache.has('a'), cache.has('b')]).toEqual([undefined, true, false]);
  cache.delete('a');
  expect(cache.has('a')).toBe(false);
});

test('a time that is over already serves nothing', () => {
  const { cache } = open();
  cache.set('a', 1, -5);
  expect([cache.get('a'), cache.has('a')]).toEqual([undefined, true]);
});

test('beyond its size the least recently used goes, and setting again or asking is use', () => {
  const { cache } = open();
  for (const hash of ['a', 'b', 'c']) cache.set(hash, 1, 1000);
  cache.get('a');
  cache.set('b', 2, 1000);
  cache.set('d', 1, 1000);
  expect(['a', 'b', 'c', 'd'].map(cache.has)).toEqual([true, true, false, true]);
  expect(cache.get('b')).toBe(2);
  for (let index = 0; index < 100; index += 1) cache.set(`x${index}`, 1, 1000);
  expect(['a', 'b', 'd', 'x96', 'x97', 'x99'].map(cache.has)).toEqual([
    false,
    false,
    false,
    false,
    true,
    true,
  ]);
});

test('the hash is SHA-256 and does not hold the token', () => {
  expect(toTokenHash('authelia_at_secret')).toMatch(/^[\w-]{43}$/);
  expect(toTokenHash('abc')).toBe('ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0');
});
