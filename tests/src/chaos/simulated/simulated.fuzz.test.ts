// Random sequences of calls, use, time, faults and restarts by a clock that only the test moves: what is answered and done is true, whatever went before.

import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { recordFigures } from '../../reliability/record-figures.ts';
import { runsOf, tellFirstFailure } from '../number-of-sequences.ts';
import { createCounts } from '../totals-of-all-sequences.ts';
import { expectTrue, expectTrueJobs, takeSnapshot } from './expected-answers.ts';
import { pass, send } from './send-step.ts';
import { type Sequence, type Step, sequences } from './step.ts';
import { type Fronts, openFronts, type SimulatedWorld, settle } from './world.ts';

const counts = createCounts();
let fronts: Fronts;

beforeAll(async () => {
  fronts = await openFronts();
});
afterAll(() => fronts[Symbol.asyncDispose]());

test(
  'what is answered and done is true, whatever went before, by a simulated clock',
  async () => {
    const runs = runsOf(4);
    await fc.assert(fc.asyncProperty(sequences, tellFirstFailure(run, runs)), runs);
    recordFigures(
      'chaos',
      counts.toFigures('In memory, by a clock that only the test moves', runs),
    );
  },
  4 * 3_600_000,
);

async function run({ seed, steps }: Sequence): Promise<void> {
  vi.useFakeTimers({
    now: Date.parse('2026-02-08T10:00:00Z'),
    toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date', 'performance'],
  });
  try {
    const world = fronts.enter(seed);
    for (const [count, step] of steps.entries()) await take(world, step, count % 2);
    await recover(world);
    await settle(world.close());
    expect([world.machine.underWay, world.cloud.underWay], 'calls left').toEqual([0, 0]);
    expect(vi.getTimerCount(), 'timers left').toBe(0);
    counts.add('idle stops', world.idleRules.stops);
    counts.add('sequences');
  } finally {
    vi.useRealTimers();
  }
}

async function take(world: SimulatedWorld, step: Step, process: number): Promise<void> {
  const before = takeSnapshot(world);
  const answers = await send(world, step, process);
  expectTrue(world, step, before, answers);
  expect(world.idleRules.violations).toEqual([]);
  expect(world.internalErrors).toEqual([]);
  const kindsOfUse: readonly string[] = ['container', 'rebuild', 'lease', 'wake'];
  for (const [n, { status }] of answers.entries()) {
    // As the middleware notes it: a stop of the VM is no use of it.
    const isUse =
      step.kind === 'power' ? step.actions[n] !== 'stop' : kindsOfUse.includes(step.kind);
    if (isUse && (status === 200 || status === 202)) world.idleRules.onUse((process + n) % 2);
    counts.add(`answer ${status}`);
  }
  counts.add(`step ${step.kind}`);
  if (step.kind === 'fault') counts.add(`fault ${step.name}`);
}

/** Once all is whole again both processes serve, and each job is told as it ended. */
async function recover(world: SimulatedWorld): Promise<void> {
  world.machine.faults.clear();
  world.machine.used.clear();
  await pass(2);
  for (const process of [0, 1]) {
    const wake = { method: 'POST', path: '/vm/wake', caller: 'admin', prefer: 'wait=600' } as const;
    expect((await settle(world.ask(process, wake))).status).toBe(200);
    const before = takeSnapshot(world);
    expect(before.running.size, 'jobs that never ended').toBe(0);
    for (const path of ['/containers', '/jobs']) {
      const answer = await settle(world.ask(process, { method: 'GET', path, caller: 'read' }));
      expect(answer.status, answer.text).toBe(200);
      if (path === '/jobs') expectTrueJobs(world.machine, before, JSON.parse(answer.text));
    }
  }
}
