// What the idle stop makes of a time in which it could not observe the VM: nobody knows who used it then, so it counts as use does.

import { expect, test } from 'vitest';
import { minute, setUp, useFakeTime } from '../testing/idle-world.test-support.ts';

useFakeTime();

type World = ReturnType<typeof setUp>;

/** It is ready since two hours ago, and was not used since: the stop is due in an hour. */
const start = () => setUp({ stopAfter: 180 * minute, announce: 0 });

async function expectStopAfter({ vm, pass }: World, minutes: number): Promise<void> {
  await pass(minutes - 2);
  expect(vm.sent).toBe(0);
  await pass(4);
  expect(vm.sent).toBe(1);
}

test.each([
  ['OCI', { isOciLost: true }, { isOciLost: false }],
  ['SSH', { isLost: true }, { isLost: false }],
])('a failure of %s counts as use until its end', async (_, begin, end) => {
  const world = start();
  await using _idle = world.idle;
  await world.pass(10);
  Object.assign(world.vm, begin);
  await world.pass(200);
  Object.assign(world.vm, end);
  await expectStopAfter(world, 180);
});

test('one observation that fails counts as one that finds something unknown', async () => {
  const world = start();
  await using _ = world.idle;
  await world.pass(57.5);
  world.vm.isOciLost = true;
  await world.pass(1);
  world.vm.isOciLost = false;
  await expectStopAfter(world, 181);
});

test('a failure in the last observation before the stop counts, too', async () => {
  const world = start();
  const { vm, pass } = world;
  await using _ = world.idle;
  await pass(59.5);
  const { observations } = vm;
  vm.onNote = () => {
    vm.isLost = true;
  };
  await pass(1);
  expect(vm.observations).toBeGreaterThan(observations + 1);
  vm.onNote = () => {};
  vm.isLost = false;
  await expectStopAfter(world, 180);
});

test('what one process could not observe, another has: it is known', async () => {
  const world = start();
  const { vm, pass } = world;
  await using _ = world.idle;
  await pass(40);
  vm.isOciLost = true;
  await pass(18);
  vm.isOciLost = false;
  vm.observedAt = Math.floor(Date.now() / 1000) + 3600;
  await expectStopAfter(world, 2.5);
});

test('a time in which no process observed it counts as use, where that is longer than a restart of the API', async () => {
  const world = start();
  world.vm.observedAt = Math.floor(Date.now() / 1000) + 3600 - 3 * minute;
  await using _ = world.idle;
  await expectStopAfter(world, 180);
});

test('a restart of the API prolongs nothing', async () => {
  const world = start();
  world.vm.observedAt = Math.floor(Date.now() / 1000) + 3600 - 2 * minute;
  await using _ = world.idle;
  await expectStopAfter(world, 60);
});
