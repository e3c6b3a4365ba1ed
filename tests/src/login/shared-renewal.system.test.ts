import { test } from 'vitest';
import { renewConcurrently } from './concurrent-renewal.ts';

test('twice ten processes at once with tokens of 30 s: each succeeds, and one of the ten renews', () =>
  renewConcurrently(2));
