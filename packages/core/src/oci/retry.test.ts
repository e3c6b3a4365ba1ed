// When a request is repeated, as a table.

import { describe, expect, test } from 'vitest';
import type { OciFailure } from './failure.ts';
import { parseRetryAfter, toRetryDelayMs } from './retry.ts';

const network: OciFailure = { kind: 'network', code: 'ECONNRESET', sent: true };
const certificate: OciFailure = { kind: 'network', code: 'CERT_HAS_EXPIRED', sent: false };
const timeout: OciFailure = { kind: 'timeout', timeoutMs: 1, sent: true };
const answer = (status: number, retryAfterSeconds?: number): OciFailure => ({
  kind: 'answer',
  status,
  retryAfterSeconds,
});

describe('toRetryDelayMs()', () => {
  test.each([
    ['read', 1, network, true],
    ['read', 2, network, true],
    ['read', 3, network, false],
    ['read', 1, answer(429), true],
    ['read', 1, answer(500), true],
    ['read', 1, answer(503), true],
    ['read', 1, answer(401), false],
    ['read', 1, answer(404), false],
    ['read', 1, answer(409), false],
    ['read', 1, answer(302), false],
    ['read', 1, timeout, false],
    ['read', 1, certificate, false],
    ['read', 1, { kind: 'unreadable', status: 200 }, false],
    ['action', 1, network, true],
    ['action', 2, network, false],
    ['action', 1, answer(429), false],
    ['action', 1, answer(500), false],
    ['action', 1, answer(503), false],
    ['action', 1, timeout, false],
    ['action', 1, certificate, false],
  ] as const)(
    'a failed %s after %i attempts: %j is repeated: %s',
    (kind, attempts, failure, repeated) => {
      const delayMs = toRetryDelayMs({ failure, kind, attempts, remainingMs: 10_000, random: 0.5 });
      expect(delayMs !== undefined).toBe(repeated);
    },
  );

  test.each([
    [1, 0, 100],
    [1, 1, 200],
    [2, 0, 200],
    [2, 1, 400],
  ])('the pause after attempt %i with luck %d is %i ms', (attempts, random, expected) => {
    const question = { failure: network, kind: 'read', remainingMs: 10_000 } as const;
    expect(toRetryDelayMs({ ...question, attempts, random })).toBe(expected);
  });

  test('Retry-After makes the pause longer, never shorter', () => {
    const question = { kind: 'read', attempts: 1, remainingMs: 10_000, random: 0 } as const;
    expect(toRetryDelayMs({ ...question, failure: answer(429, 3) })).toBe(3000);
    expect(toRetryDelayMs({ ...question, failure: answer(429, 0) })).toBe(100);
  });

  test('a pause that the deadline does not allow is not begun', () => {
    const question = { kind: 'read', attempts: 1, random: 0 } as const;
    expect(
      toRetryDelayMs({ ...question, failure: answer(429, 10), remainingMs: 10_000 }),
    ).toBeUndefined();
    expect(toRetryDelayMs({ ...question, failure: network, remainingMs: 50 })).toBeUndefined();
  });
});

describe('parseRetryAfter()', () => {
  const nowMs = Date.parse('2026-01-01T00:00:00Z');
  test.each([
    ['0', 0],
    ['7', 7],
    [' 7 ', 7],
    ['Thu, 01 Jan 2026 00:00:30 GMT', 30],
    ['Wed, 31 Dec 2025 23:00:00 GMT', 0],
    ['-1', undefined],
    ['1.5', undefined],
    ['1e3', undefined],
    ['soon', undefined],
    ['', undefined],
    ['99999999999', undefined],
    [undefined, undefined],
  ])('%j is %j', (value, seconds) => {
    expect(parseRetryAfter(value, nowMs)).toBe(seconds);
  });
});
