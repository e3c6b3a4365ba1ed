// Rounds at their own pace, and when they are called for.

import { expect, onTestFinished, test, vi } from 'vitest';
import { until } from '../testing/watch.test-support.ts';
import { startRounds } from './poll-loop.ts';

function setUp(restMs: number | undefined, minRestMs = 1) {
  const stop = new AbortController();
  const world = { count: 0, work: async (_signal: AbortSignal): Promise<void> => {} };
  const rounds = startRounds({
    async round(signal) {
      world.count += 1;
      await world.work(signal);
      return restMs;
    },
    minRestMs,
    signal: stop.signal,
  });
  return { rounds, world, stop };
}

test('goes on at its pace until it is stopped', async () => {
  const { rounds, world, stop } = setUp(5);
  await until(() => world.count > 3);
  stop.abort();
  await rounds.done;
  const { count } = world;
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(world.count).toBe(count);
});

test('call() has a round done at once, and resolves after it', async () => {
  const { rounds, world, stop } = setUp(undefined);
  await until(() => world.count === 1);
  await rounds.call();
  expect(world.count).toBe(2);
  stop.abort();
  await rounds.done;
});

test('many calls during one round are one round more', async () => {
  const { rounds, world, stop } = setUp(undefined);
  let release = () => {};
  world.work = () => new Promise((resolve) => (release = resolve));
  const first = rounds.call();
  const others = Array.from({ length: 50 }, () => rounds.call());
  await until(() => world.count === 2);
  world.work = async () => {};
  release();
  await Promise.all([first, ...others]);
  expect(world.count).toBeLessThanOrEqual(3);
  stop.abort();
  await rounds.done;
});

test('a round that throws waits to be called for, and costs nothing else', async () => {
  const { rounds, world, stop } = setUp(1);
  world.work = () => Promise.reject(new Error('oops'));
  await rounds.call();
  await rounds.call();
  const { count } = world;
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(world.count).toBe(count);
  stop.abort();
  await rounds.done;
});

test('keeps its distance however often it is called for', async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const { rounds, world, stop } = setUp(undefined, 50);
  const calls = Array.from({ length: 50 }, () => rounds.call());
  expect(world.count).toBe(1);
  for (let count = 2; count <= 4; count += 1) {
    await vi.advanceTimersByTimeAsync(49);
    calls.push(...Array.from({ length: 50 }, () => rounds.call()));
    expect(world.count).toBe(count - 1);
    await vi.advanceTimersByTimeAsync(1);
    expect(world.count).toBe(count);
  }
  stop.abort();
  await Promise.all([...calls, rounds.done]);
});

test('calls resolve when it is stopped', async () => {
  const { rounds, world, stop } = setUp(undefined, 10_000);
  await until(() => world.count === 1);
  const called = rounds.call();
  stop.abort();
  await called;
  await rounds.call();
  await rounds.done;
  expect(world.count).toBe(1);
});
