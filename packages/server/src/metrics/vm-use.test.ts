import { AppError, type LifecycleState } from '@ondemand/core';
import { expect, test } from 'vitest';
import { createVmUse } from './vm-use.ts';

function setUp() {
  const world = {
    nowMs: 0,
    state: 'RUNNING' as LifecycleState | undefined,
    isUsed: true,
    jobs: 2 as number | null,
    isMute: false,
    verdicts: 0,
  };
  const read = createVmUse({
    clock: { elapsedMs: () => world.nowMs },
    timeoutMs: 50,
    vm: {
      async status() {
        if (world.state === undefined) throw new AppError('SERVICE_UNAVAILABLE', 'OCI is down');
        return {
          vmId: 'oci-flex',
          lifecycleState: world.state,
          displayName: 'vm',
          lastCheck: '2026-01-01T00:00:00Z',
        };
      },
    },
    idle: {
      verdict() {
        world.verdicts += 1;
        const signal = { threshold: 0, lastUsedAt: null, by: null };
        const state = world.isUsed ? 'used' : 'unused';
        return world.isMute
          ? new Promise(() => {})
          : Promise.resolve({
              enabled: false,
              dryRun: false,
              usedAt: null,
              usedBy: null,
              stopsAt: null,
              stopsBecause: null,
              leases: [],
              signals: [
                { ...signal, name: 'cpu', state, value: 30 },
                { ...signal, name: 'jobs', state: 'unused', value: world.jobs },
              ],
            });
      },
    },
  });
  return { world, read };
}

test('the time between two readings of a VM that runs counts as on, and as used where the later one saw use', async () => {
  const { world, read } = setUp();
  expect(await read()).toEqual({ state: 'RUNNING', jobsRunning: 2, onSeconds: 0, usedSeconds: 0 });
  world.nowMs += 15_000;
  expect(await read()).toMatchObject({ onSeconds: 15, usedSeconds: 15 });
  world.isUsed = false;
  world.nowMs += 30_000;
  expect(await read()).toMatchObject({ onSeconds: 45, usedSeconds: 15 });
});

test('time in which it was off, or that nobody looked into, does not count', async () => {
  const { world, read } = setUp();
  await read();
  world.state = 'STOPPED';
  world.nowMs += 15_000;
  expect(await read()).toMatchObject({ state: 'STOPPED', jobsRunning: 0, onSeconds: 0 });
  world.state = 'RUNNING';
  world.nowMs += 15_000;
  expect(await read()).toMatchObject({ onSeconds: 0 });
  world.nowMs += 3_600_000;
  expect(await read()).toMatchObject({ onSeconds: 0, usedSeconds: 0 });
});

test('a VM that is off is not dialled', async () => {
  const { world, read } = setUp();
  world.state = 'STOPPED';
  await read();
  expect(world.verdicts).toBe(0);
});

test('what does not answer, or not in time, is unknown', async () => {
  const { world, read } = setUp();
  world.isMute = true;
  expect(await read()).toMatchObject({ state: 'RUNNING', jobsRunning: undefined });
  world.isMute = false;
  world.jobs = null;
  expect(await read()).toMatchObject({ jobsRunning: undefined });
  world.state = undefined;
  expect(await read()).toMatchObject({ state: undefined, jobsRunning: undefined });
});

test('scrapes at the same time share one reading', async () => {
  const { world, read } = setUp();
  await Promise.all([read(), read(), read()]);
  expect(world.verdicts).toBe(1);
});
