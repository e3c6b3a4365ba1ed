// The long form of tests/src/login/shared-renewal.

import { test } from 'vitest';
import { renewConcurrently } from '../login/concurrent-renewal.ts';

test(
  '20 times ten processes at once with tokens of 30 s: 200 of 200 succeed, and one of each ten renews',
  () => renewConcurrently(20),
  30 * 60_000,
);
