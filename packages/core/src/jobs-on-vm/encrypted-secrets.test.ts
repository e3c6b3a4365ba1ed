import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { openWords, sealWords } from './encrypted-secrets.ts';

const key = randomBytes(32);
const words = { createdAt: '2026-02-08T10:15:31.123456789Z', words: ['hunter22', 'grüße'] };

test('what is sealed is opened for its own job, with its own key alone', () => {
  const sealed = Buffer.from(sealWords(words, 'a', key));
  expect(openWords(sealed, 'a', key)).toEqual(words);
  expect(openWords(sealed, 'b', key)).toBeUndefined();
  expect(openWords(sealed, 'a', randomBytes(32))).toBeUndefined();
  expect(openWords(sealed, 'a', Buffer.alloc(0))).toBeUndefined();
  expect(openWords(sealed.subarray(4), 'a', key)).toBeUndefined();
  expect(openWords(Buffer.from('hunter22'), 'a', key)).toBeUndefined();
  expect(openWords(undefined, 'a', key)).toBeUndefined();
});

test('nothing of it is in clear, nor the same twice', () => {
  const [one, two] = [sealWords(words, 'a', key), sealWords(words, 'a', key)];
  expect(one).not.toBe(two);
  expect(Buffer.from(one, 'base64').includes('hunter22')).toBe(false);
});

test('more than a command line holds is not sealed', () => {
  const many = Array.from({ length: 3000 }, () => randomBytes(50).toString('base64'));
  expect(sealWords({ ...words, words: many }, 'a', key)).toBe('');
});
