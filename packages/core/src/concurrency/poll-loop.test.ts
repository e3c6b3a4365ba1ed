// Polls at an interval, and on demand.

import { expect, onTestFinished, test, vi } from 'vitest';
import { until } from '../testing/until.test-support.ts';
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

test('polls at its interval until it is stopped', async () => {
  const { loop, world, stop } = setUp(5);
  await until(() => world.count > 3);
  stop.abort();
  await loop.done;
  const { count } = world;
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(world.count).toBe(count);
});

test('call() polls at once, and resolves after that poll', async () => {
  const { loop, world, stop } = setUp(undefined);
  await until(() => world.count === 1);
  await loop.call();
  expect(world.count).toBe(2);
  stop.abort();
  await loop.done;
});

test('many calls during one poll cause one more poll', async () => {
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

test('after a poll that throws, the next one runs only on demand', async () => {
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

test('keeps its minimum interval however often it is called', async () => {
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
