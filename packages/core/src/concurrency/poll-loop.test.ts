// Rounds at their own pace, and when they are called for.

import { expect, onTestFinished, test, vi } from 'vitest';
import { until } from '../testing/watch.test-support.ts';
import { startPollLoop } from './poll-loop.ts';

function setUp(sleepMs: number | undefined, minIntervalMs = 1) {
  const stop = new AbortController();
  const world = { count: 0, work: async (_signal: AbortSignal): Promise<void> => {} };
  const loop = startPollLoop({
    async poll(signal) {
      world.count += 1;
      await world.work(signal);
      return sleepMs;
    },
    minIntervalMs,
    signal: stop.signal,
  });
  return { loop, world, stop };
}

test('goes on at its pace until it is stopped', async () => {
  const { loop, world, stop } = setUp(5);
  await until(() => world.count > 3);
  stop.abort();
  await loop.done;
  const { count } = world;
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(world.count).toBe(count);
});

test('call() has a round done at once, and resolves after it', async () => {
  const { loop, world, stop } = setUp(undefined);
  await until(() => world.count === 1);
  await loop.call();
  expect(world.count).toBe(2);
  stop.abort();
  await loop.done;
});

test('many calls during one round are one round more', async () => {
  const { loop, world, stop } = setUp(undefined);
  let release = () => {};
  world.work = () => new Promise((resolve) => (release = resolve));
  const first = loop.call();
  const others = Array.from({ length: 50 }, () => loop.call());
  await until(() => world.count === 2);
  world.work = async () => {};
  release();
  await Promise.all([first, ...others]);
  expect(world.count).toBeLessThanOrEqual(3);
  stop.abort();
  await loop.done;
});

test('a round that throws waits to be called for, and costs nothing else', async () => {
  const { loop, world, stop } = setUp(1);
  world.work = () => Promise.reject(new Error('oops'));
  await loop.call();
  await loop.call();
  const { count } = world;
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(world.count).toBe(count);
  stop.abort();
  await loop.done;
});

test('keeps its distance however often it is called for', async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const { loop, world, stop } = setUp(undefined, 50);
  const calls = Array.from({ length: 50 }, () => loop.call());
  expect(world.count).toBe(1);
  for (let count = 2; count <= 4; count += 1) {
    await vi.advanceTimersByTimeAsync(49);
    calls.push(...Array.from({ length: 50 }, () => loop.call()));
    expect(world.count).toBe(count - 1);
    await vi.advanceTimersByTimeAsync(1);
    expect(world.count).toBe(count);
  }
  stop.abort();
  await Promise.all([...calls, loop.done]);
});

test('calls resolve when it is stopped', async () => {
  const { loop, world, stop } = setUp(undefined, 10_000);
  await until(() => world.count === 1);
  const called = loop.call();
  stop.abort();
  await called;
  await loop.call();
  await loop.done;
  expect(world.count).toBe(1);
});
