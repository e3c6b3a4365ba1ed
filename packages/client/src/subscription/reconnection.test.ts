// When a lost stream is asked for again, by the clock of the test.

import { describe, expect, test } from 'vitest';
import { type ErrorCode, OnDemandError, type OnDemandErrorOptions } from '../errors.ts';
import { createReconnection } from './reconnection.ts';

const lost = new OnDemandError('NETWORK_ERROR', 'lost');

test('the pauses double from 0.5 s to 10 s, and start over once something has worked', () => {
  const { reconnection } = start();
  const pauses = () => Array.from({ length: 7 }, () => reconnection.next(lost)?.pauseMs);
  const doubling = [500, 1000, 2000, 4000, 8000, 10_000, 10_000];
  expect(pauses()).toEqual(doubling);
  reconnection.worked();
  expect(pauses()).toEqual(doubling);
});

test('up to half of a pause is left to chance', () => {
  const { reconnection } = start({ random: () => 0.999 });
  expect(reconnection.next(lost)?.pauseMs).toBe(250);
});

test('it says why, which attempt and when', () => {
  const { reconnection } = start();
  expect(reconnection.next(lost)).toEqual({ error: lost, attempt: 1, pauseMs: 500 });
  expect(reconnection.next(lost)).toMatchObject({ attempt: 2 });
  reconnection.worked();
  expect(reconnection.next(lost)).toMatchObject({ attempt: 1 });
});

test('what the API asks to wait is waited, and the pause on top', () => {
  const { reconnection } = start();
  const busy = new OnDemandError('SERVICE_UNAVAILABLE', '', { details: { retryAfterSeconds: 30 } });
  expect(reconnection.next(busy)?.pauseMs).toBe(30_500);
});

describe('it is enough', () => {
  test('when the next attempt would come after five minutes without success', () => {
    const { reconnection, clock } = start();
    clock.nowMs = 1_000_000;
    expect(reconnection.next(lost)).toBeDefined();
    clock.nowMs += 299_000;
    expect(reconnection.next(lost)).toBeDefined();
    expect(reconnection.next(lost)).toBeUndefined();
    reconnection.worked();
    expect(reconnection.next(lost)).toBeDefined();
  });

  test('at once when the API asks to wait for longer than that', () => {
    const details = { retryAfterSeconds: 301 };
    const { reconnection } = start();
    expect(
      reconnection.next(new OnDemandError('TOO_MANY_REQUESTS', '', { details })),
    ).toBeUndefined();
  });
});

test.each<[boolean, ErrorCode, OnDemandErrorOptions?]>([
  [true, 'NETWORK_ERROR'],
  [true, 'TIMEOUT'],
  [true, 'SERVICE_UNAVAILABLE'],
  [true, 'TOO_MANY_REQUESTS'],
  [true, 'TOKEN_ERROR', { cause: new Error('the issuer is away') }],
  [false, 'TOKEN_ERROR'],
  [false, 'SERVICE_UNAVAILABLE', { details: { lifecycleState: 'STOPPED' } }],
  [false, 'BAD_REQUEST'],
  [false, 'UNAUTHORIZED'],
  [false, 'FORBIDDEN'],
  [false, 'NOT_FOUND'],
  [false, 'METHOD_NOT_ALLOWED'],
  [false, 'CONFLICT'],
  [false, 'PAYLOAD_TOO_LARGE'],
  [false, 'UNSUPPORTED_MEDIA_TYPE'],
  [false, 'INTERNAL_ERROR'],
  [false, 'INVALID_RESPONSE'],
  [false, 'ABORTED'],
])('asks again: %s, after %s %o', (expected, code, options) => {
  const next = start().reconnection.next(new OnDemandError(code, '', options));
  expect(next !== undefined).toBe(expected);
});

function start({ random = () => 0 }: { readonly random?: () => number } = {}) {
  const clock = { nowMs: 0 };
  const reconnection = createReconnection({
    firstPauseMs: 500,
    maxPauseMs: 10_000,
    giveUpAfterMs: 300_000,
    now: () => clock.nowMs,
    random,
  });
  return { reconnection, clock };
}
