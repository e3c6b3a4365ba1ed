import { isAppError } from '@ondemand/core';
import { describe, expect, test } from 'vitest';
import { createRateLimit, toNetwork } from './rate-limit.ts';

function startRateLimit(perMinute: number) {
  const clock = { now: 0 };
  const rateLimit = createRateLimit({ perMinute, now: () => clock.now });
  return {
    clock,
    /** Undefined when it was let through, else the seconds to wait. */
    call: (sub: string, calls = 1) => waitOf(() => rateLimit.countCalls(sub, calls)),
    fail: (address: string) => waitOf(() => rateLimit.countFailure(address)),
    attempt: (address: string) => waitOf(() => rateLimit.requireAttempt(address)),
  };
}

function waitOf(count: () => void): unknown {
  try {
    count();
    return undefined;
  } catch (error) {
    if (isAppError(error, 'TOO_MANY_REQUESTS')) return error.details.retryAfterSeconds;
    throw error;
  }
}

test('a subject may ask so often in the minute that begins with its first call, and then again', () => {
  const { clock, call } = startRateLimit(3);
  expect([call('ann'), call('ann'), call('ann')]).toEqual([undefined, undefined, undefined]);
  clock.now = 20_500;
  expect(call('ann')).toBe(40);
  expect(call('bob')).toBeUndefined();
  clock.now = 59_999;
  expect(call('ann')).toBe(1);
  clock.now = 60_000;
  expect([call('ann'), call('ann'), call('ann'), call('ann')]).toEqual([
    undefined,
    undefined,
    undefined,
    60,
  ]);
});

test('each call of a batch counts; a batch that does not fit takes nothing', () => {
  const { call } = startRateLimit(5);
  expect(call('ann', 3)).toBeUndefined();
  expect(call('ann', 3)).toBe(60);
  expect(call('ann', 2)).toBeUndefined();
  expect(call('ann')).toBe(60);
});

test('a batch above the whole limit can still be made, once a minute', () => {
  const { call } = startRateLimit(5);
  expect(call('ann', 20)).toBeUndefined();
  expect(call('ann')).toBe(60);
});

test('an address may fail a tenth as often, at least once', () => {
  for (const [perMinute, failures] of [
    [600, 60],
    [25, 3],
    [1, 1],
  ] as const) {
    const { fail } = startRateLimit(perMinute);
    for (let count = 0; count < failures; count += 1) expect(fail('192.0.2.1')).toBeUndefined();
    expect(fail('192.0.2.1')).toBe(60);
    expect(fail('192.0.2.2')).toBeUndefined();
  }
});

test('whether an address may fail once more can be asked beforehand, which counts nothing', () => {
  const { clock, fail, attempt } = startRateLimit(20);
  for (let count = 0; count < 10; count += 1) expect(attempt('192.0.2.1')).toBeUndefined();
  fail('192.0.2.1');
  expect(attempt('192.0.2.1')).toBeUndefined();
  fail('192.0.2.1');
  clock.now = 20_000;
  expect(attempt('192.0.2.1')).toBe(40);
  expect(attempt('192.0.2.2')).toBeUndefined();
  clock.now = 60_000;
  expect(attempt('192.0.2.1')).toBeUndefined();
});

test('0 is no limit', () => {
  const { call, fail, attempt } = startRateLimit(0);
  for (let count = 0; count < 2000; count += 1) {
    expect(call('ann', 20)).toBeUndefined();
    expect(fail('192.0.2.1')).toBeUndefined();
    expect(attempt('192.0.2.1')).toBeUndefined();
  }
});

test('no more than ten thousand addresses are remembered: the oldest makes room', () => {
  const { fail } = startRateLimit(10);
  for (let count = 0; count < 10_000; count += 1)
    fail(`10.0.${Math.floor(count / 250)}.${count % 250}`);
  expect(fail('10.0.0.0')).toBe(60);
  expect(fail('192.0.2.1')).toBeUndefined();
  expect(fail('10.0.0.0')).toBeUndefined();
  expect(fail('192.0.2.1')).toBe(60);
});

describe('addresses that count as one', () => {
  test.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:0DB8:0001:0002::9', '2001:db8:1:2'],
    ['2001:db8::1', '2001:db8:0:0'],
    ['1::2:3:4:5:6:7', '1:0:2:3'],
    ['fe80::1%eth0', 'fe80:0:0:0'],
    ['::1', '0:0:0:0'],
    ['::', '0:0:0:0'],
    ['unix', 'unknown'],
    ['x'.repeat(5000), 'unknown'],
    ['', 'unknown'],
  ])('%s is %s', (address, network) => {
    expect(toNetwork(address)).toBe(network);
  });
});
