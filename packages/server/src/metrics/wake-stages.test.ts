import type { VmReady } from '@ondemand/core';
import { expect, test } from 'vitest';
import { createWakeStages } from './wake-stages.ts';

const off: VmReady = {
  ready: false,
  phase: 'waking',
  vm: { lifecycleState: 'STARTING' },
  ssh: { ok: false },
  docker: { ok: false },
  checkedAt: '2026-01-01T00:00:00Z',
};
const running: VmReady = { ...off, vm: { lifecycleState: 'RUNNING' } };
const reachable: VmReady = { ...running, ssh: { ok: true } };
const ready: VmReady = { ...reachable, ready: true, phase: 'on', docker: { ok: true } };

/** Each reading comes at its second. */
async function watch(readings: readonly (readonly [number, VmReady])[]) {
  let nowMs = 0;
  const stages: [string, number][] = [];
  let signals = 0;
  let onEnd = () => {};
  const ended = new Promise<void>((resolve) => {
    onEnd = resolve;
  });
  const { begin } = createWakeStages({
    clock: { elapsedMs: () => nowMs },
    onStage: (stage, seconds) => stages.push([stage, seconds]),
    readiness: {
      async watch({ signal } = {}) {
        signals += signal === undefined ? 0 : 1;
        return (async function* () {
          try {
            for (const [second, reading] of readings) {
              nowMs = second * 1000;
              yield reading;
            }
          } finally {
            onEnd();
          }
        })();
      },
    },
  });
  begin();
  await ended;
  return { stages, signals };
}

test('each stage is told once, with the time since the START', async () => {
  const { stages, signals } = await watch([
    [1, off],
    [20, running],
    [21, running],
    [35, reachable],
    [40, ready],
    [41, running],
  ]);
  expect(stages).toEqual([
    ['vm', 20],
    ['ssh', 35],
    ['docker', 40],
  ]);
  expect(signals).toBe(1);
});

test('stages that are reached at once are told in their order, those that are not are left out', async () => {
  expect((await watch([[9, ready]])).stages.map(([stage]) => stage)).toEqual([
    'vm',
    'ssh',
    'docker',
  ]);
  expect((await watch([[9, running]])).stages).toEqual([['vm', 9]]);
});
