import { test } from 'vitest';
import { renewInRounds } from './renewal-rounds.ts';

test('two rounds of ten processes with tokens of 30 s: each succeeds, and each round renews once', () =>
  renewInRounds(2));
