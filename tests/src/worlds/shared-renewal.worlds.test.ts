// The long form of tests/src/login/shared-renewal.

import { test } from 'vitest';
import { renewInRounds } from '../login/renewal-rounds.ts';

test(
  '20 rounds of ten processes with tokens of 30 s: 200 of 200 succeed, and each round renews once',
  () => renewInRounds(20),
  30 * 60_000,
);
