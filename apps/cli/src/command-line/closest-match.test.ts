import { expect, test } from 'vitest';
import { suggest } from './closest-match.ts';

const names = ['status', 'start', 'stop', 'restart', 'rebuild', 'logs', 'ps', 'whoami'];

test.each([
  ['strat', 'start'],
  ['statsu', 'status'],
  ['stpo', 'stop'],
  ['log', 'logs'],
  ['sp', 'ps'],
  ['reb', 'rebuild'],
  ['who', 'whoami'],
  ['STATUS', 'status'],
  ['Strat', 'start'],
])('suggest(%s) is %s', (text, expected) => {
  expect(suggest(text, names)).toBe(expected);
});

test.each(['delete', 'x', '', 'inspect'])('suggest(%j) is nothing', (text) => {
  expect(suggest(text, names)).toBeUndefined();
});
