// CPU between two observations, over counters that start anew and containers that come and go.

import { expect, test } from 'vitest';
import type { RunningContainer } from '../adapter-ports.ts';
import { createCpuMeter } from './cpu-meter.ts';

function setUp() {
  let nowMs = 0;
  const times = new Map([
    ['a', 5e9],
    ['b', 0],
  ]);
  const pass = (seconds: number, percents: Readonly<Record<string, number>> = {}) => {
    nowMs += seconds * 1000;
    for (const [id, percent] of Object.entries(percents))
      times.set(id, (times.get(id) ?? 0) + (seconds * 1e9 * percent) / 100);
  };
  const busy: Record<string, number> = {};
  const meter = createCpuMeter({
    engine: { cpuTimes: async () => new Map(times) },
    clock: { elapsedMs: () => nowMs },
    wait: async (ms) => pass(ms / 1000, busy),
  });
  const ask = async () => {
    const all = ['a', 'b'].map((id) => ({ id, name: id }) as RunningContainer); // all that it reads
    const { loads, keep } = await meter.measure(all);
    const percents = loads.map(({ name, percent }) => [name, Math.round(percent)] as const);
    return { percents: Object.fromEntries(percents), keep };
  };
  const measure = async () => {
    const { percents, keep } = await ask();
    keep();
    return percents;
  };
  return { measure, ask, pass, times, busy };
}

test('the first observation measures over a second, each later one since the one before', async () => {
  const { measure, pass, busy } = setUp();
  busy.a = 30;
  expect(await measure()).toEqual({ a: 30, b: 0 });
  pass(60, { a: 10, b: 50 });
  expect(await measure()).toEqual({ a: 10, b: 50 });
  pass(60);
  expect(await measure()).toEqual({ a: 0, b: 0 });
});

test('an observation right after another one measures since the one before that', async () => {
  const { measure, pass } = setUp();
  await measure();
  pass(60, { a: 40 });
  await measure();
  pass(1, { a: 100 });
  expect((await measure()).a).toBe(41);
});

test('a container that was restarted counts anew, and one that has gone not at all', async () => {
  const { measure, pass, times } = setUp();
  await measure();
  pass(60);
  times.set('a', 30e9);
  times.delete('b');
  expect(await measure()).toEqual({ a: 42 });
  times.set('a', 6e9);
  pass(60);
  expect(await measure()).toEqual({ a: 10 });
});

test('a measurement that is not kept hides nothing from the next', async () => {
  const { measure, ask, pass } = setUp();
  await measure();
  pass(30, { a: 90 });
  expect((await ask()).percents.a).toBe(90);
  pass(30);
  expect((await ask()).percents.a).toBe(45);
  expect((await measure()).a).toBe(45);
});
