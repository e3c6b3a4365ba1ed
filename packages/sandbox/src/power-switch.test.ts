import { expect, test } from 'vitest';
import { createWorld, type WorldOptions } from './instance-state.ts';
import { createPowerSwitch } from './power-switch.ts';

function plugIn(options: WorldOptions = {}) {
  const log: string[] = [];
  const world = createWorld({ durations: { bootMs: 10 }, ...options });
  const power = createPowerSwitch(world, {
    powerOn: async (host) => void log.push(`on ${host}`),
    powerOff: async () => void log.push('off'),
  });
  return { world, log, power, [Symbol.asyncDispose]: () => power[Symbol.asyncDispose]() };
}

test('the VM of a RUNNING instance has power once the switch has settled', async () => {
  await using app = plugIn();
  await app.power.settled();
  expect(app.log).toEqual(['on 127.0.0.1']);
});

test('the VM loses power when RUNNING ends and has it again at the new address after the boot', async () => {
  await using app = plugIn();
  for (const state of ['STOPPING', 'STOPPED'] as const) app.world.setLifecycleState(state);
  app.world.setPublicIp('127.0.0.9');
  for (const state of ['STARTING', 'RUNNING'] as const) app.world.setLifecycleState(state);
  await app.power.settled();
  expect(app.log).toEqual(['on 127.0.0.1', 'off']);
  await expect.poll(() => app.log).toEqual(['on 127.0.0.1', 'off', 'on 127.0.0.9']);
});

test('a system that is shut down inside stays off until the instance is started again', async () => {
  await using app = plugIn();
  await app.power.shutDown();
  expect(app.log).toEqual(['on 127.0.0.1', 'off']);
  for (const state of ['STOPPING', 'STOPPED', 'STARTING', 'RUNNING'] as const)
    app.world.setLifecycleState(state);
  await expect.poll(() => app.log).toEqual(['on 127.0.0.1', 'off', 'on 127.0.0.1']);
});

test('a boot that is cut short never happens', async () => {
  await using app = plugIn({ lifecycleState: 'STOPPED', durations: { bootMs: 60_000 } });
  const before = countTimers();
  app.world.setLifecycleState('RUNNING');
  expect(countTimers()).toBe(before + 1);
  app.world.setLifecycleState('STOPPING');
  expect(countTimers()).toBe(before);
  await app.power.settled();
  expect(app.log).toEqual([]);
});

test('disposing during a boot leaves no timer', async () => {
  const app = plugIn({ lifecycleState: 'STOPPED', durations: { bootMs: 60_000 } });
  app.world.setLifecycleState('RUNNING');
  const before = countTimers();
  await app.power[Symbol.asyncDispose]();
  expect(countTimers()).toBe(before - 1);
  expect(app.log).toEqual([]);
});

function countTimers(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
}
