import { isAppError } from '@ondemand/core';
import { describe, expect, test } from 'vitest';
import { createRateLimit, toNetwork } from './rate-limit.ts';
import type { SharedCounter } from './redis-counter.ts';

function startRateLimit(perMinute: number, shared?: SharedCounter) {
  const clock = { now: 0 };
  const rateLimit = createRateLimit({ perMinute, shared, now: () => clock.now });
  return {
    clock,
    /** Undefined when it was let through, else the seconds to wait. */
    call: (sub: string, calls = 1) => waitOf(() => rateLimit.countCalls(sub, calls)),
    fail: (address: string) => waitOf(() => rateLimit.countFailure(address)),
    attempt: (address: string) => waitOf(() => rateLimit.requireAttempt(address)),
  };
}

async function waitOf(count: () => Promise<void>): Promise<unknown> {
  try {
    await count();
    return undefined;
  } catch (error) {
    if (isAppError(error, 'TOO_MANY_REQUESTS')) return error.details.retryAfterSeconds;
    throw error;
  }
}

test('a subject may ask so often in the minute that begins with its first call, and then again', async () => {
  const { clock, call } = startRateLimit(3);
  expect([await call('ann'), await call('ann'), await call('ann')]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  clock.now = 20_500;
  expect(await call('ann')).toBe(40);
  expect(await call('bob')).toBeUndefined();
  clock.now = 59_999;
  expect(await call('ann')).toBe(1);
  clock.now = 60_000;
  expect([await call('ann'), await call('ann'), await call('ann'), await call('ann')]).toEqual([
    undefined,
    undefined,
    undefined,
    60,
  ]);
});

test('each call of a batch counts; a batch that does not fit takes nothing', async () => {
  const { call } = startRateLimit(5);
  expect(await call('ann', 3)).toBeUndefined();
  expect(await call('ann', 3)).toBe(60);
  expect(await call('ann', 2)).toBeUndefined();
  expect(await call('ann')).toBe(60);
});

test('a batch above the whole limit can still be made, once a minute', async () => {
  const { call } = startRateLimit(5);
  expect(await call('ann', 20)).toBeUndefined();
  expect(await call('ann')).toBe(60);
});

test('an address may fail a tenth as often, at least once', async () => {
  for (const [perMinute, failures] of [
    [600, 60],
    [25, 3],
    [1, 1],
  ] as const) {
    const { fail } = startRateLimit(perMinute);
    for (let count = 0; count < failures; count += 1)
      expect(await fail('192.0.2.1')).toBeUndefined();
    expect(await fail('192.0.2.1')).toBe(60);
    expect(await fail('192.0.2.2')).toBeUndefined();
  }
});

test('whether an address may fail once more can be asked beforehand, which counts nothing', async () => {
  const { clock, fail, attempt } = startRateLimit(20);
  for (let count = 0; count < 10; count += 1) expect(await attempt('192.0.2.1')).toBeUndefined();
  await fail('192.0.2.1');
  expect(await attempt('192.0.2.1')).toBeUndefined();
  await fail('192.0.2.1');
  clock.now = 20_000;
  expect(await attempt('192.0.2.1')).toBe(40);
  expect(await attempt('192.0.2.2')).toBeUndefined();
  clock.now = 60_000;
  expect(await attempt('192.0.2.1')).toBeUndefined();
});

test('0 is no limit', async () => {
  const { call, fail, attempt } = startRateLimit(0);
  for (let count = 0; count < 300; count += 1) {
    expect(await call('ann', 20)).toBeUndefined();
    expect(await fail('192.0.2.1')).toBeUndefined();
    expect(await attempt('192.0.2.1')).toBeUndefined();
  }
});

test('no more than ten thousand addresses are remembered: the oldest makes room', async () => {
  const { fail } = startRateLimit(10);
  for (let count = 0; count < 10_000; count += 1)
    await fail(`10.0.${Math.floor(count / 250)}.${count % 250}`);
  expect(await fail('10.0.0.0')).toBe(60);
  expect(await fail('192.0.2.1')).toBeUndefined();
  expect(await fail('10.0.0.0')).toBeUndefined();
  expect(await fail('192.0.2.1')).toBe(60);
});

const away: SharedCounter = { take: () => Promise.reject(new Error('away')) };

test('while the shared counter is away, each process counts for itself', async () => {
  const here = startRateLimit(2, away);
  const there = startRateLimit(2, away);
  for (const { call, fail, attempt } of [here, there]) {
    expect([await call('ann'), await call('ann'), await call('ann')]).toEqual([
      undefined,
      undefined,
      60,
    ]);
    expect([await attempt('192.0.2.1'), await fail('192.0.2.1')]).toEqual([undefined, undefined]);
    expect([await attempt('192.0.2.1'), await fail('192.0.2.1')]).toEqual([60, 60]);
  }
});

test('the shared counter is asked with the limit, by subject and by network, and never for no limit', async () => {
  const asked: unknown[] = [];
  const shared: SharedCounter = {
    async take(key, { count, room, limit }) {
      asked.push([key, count, room, limit]);
      return 1500;
    },
  };
  const { call, fail, attempt } = startRateLimit(20, shared);
  expect([await call('ann', 30), await fail('2001:db8::1'), await attempt('192.0.2.1')]).toEqual([
    2, 2, 2,
  ]);
  expect(asked).toEqual([
    ['ondemand:calls:ann', 20, 20, 20],
    ['ondemand:failures:2001:db8:0:0', 1, 1, 2],
    ['ondemand:failures:192.0.2.1', 0, 1, 2],
  ]);
  expect(await startRateLimit(0, shared).call('ann')).toBeUndefined();
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
