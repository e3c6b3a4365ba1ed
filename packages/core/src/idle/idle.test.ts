// The service of the idle stop: what it tells, what it keeps, and when it leaves the VM alone.

import { expect, test, vi } from 'vitest';
import type { IdleVerdict } from '../model/idle.ts';
import { container, lost, minute, setUp, useFakeTime } from '../testing/idle-world.test-support.ts';

useFakeTime();

test('without a rule nothing loops, and the verdict is told all the same, in our own time', async () => {
  const { idle, vm, verdict, pass } = setUp();
  await using _ = idle;
  await pass(10);
  expect(vm.observations).toBe(0);
  const told = await verdict();
  expect(told).toMatchObject({
    enabled: false,
    stopsAt: null,
    usedAt: '2026-02-08T08:00:00.000Z',
    usedBy: null,
  });
  expect(told.signals.map(({ state }) => state)).toEqual(Array(7).fill('unused'));
});

test('an idle VM is announced, observed once more, and stopped at its time', async () => {
  const { idle, vm, notices, pass } = setUp({ stopAfter: 180 * minute });
  await using _ = idle;
  await pass(54);
  expect(notices).toEqual([]);
  await pass(2);
  expect(notices).toMatchObject([
    { stage: 'announced', because: 'idle', stopsAt: '2026-02-08T11:00:00.000Z', dryRun: false },
  ]);
  expect(vm.sent).toBe(0);
  await pass(5);
  expect(vm.sent).toBe(1);
  expect(notices.at(-1)?.stage).toBe('stopping');
  const { observations } = vm;
  await pass(60);
  expect(vm.observations).toBe(observations);
  expect(vm.sent).toBe(1);
});

test('use withdraws what was announced, is kept on the VM, and puts the stop off', async () => {
  const { idle, vm, notices, pass } = setUp({ stopAfter: 180 * minute });
  await using _ = idle;
  await pass(57);
  vm.observation = { jobs: [{ id: 'j', target: 'web' }] };
  await pass(2);
  expect(notices.map(({ stage }) => stage)).toEqual(['announced', 'withdrawn']);
  expect(vm.notes).toContainEqual(expect.objectContaining({ name: 'jobs', by: 'job j on web' }));
  vm.observation = {};
  await pass(60);
  expect(vm.sent).toBe(0);
});

test('what another process saw in the very last moment puts the stop off', async () => {
  const { idle, vm, pass } = setUp({ stopAfter: 180 * minute });
  await using _ = idle;
  vm.onClaim = () => {
    vm.onClaim = () => {};
    vm.uses.set('actions', { at: Math.floor(Date.now() / 1000) + 3600, by: 'restart of web' });
  };
  await pass(175);
  expect([vm.sent, vm.uses.has('actions')]).toEqual([0, true]);
  await pass(70);
  expect(vm.sent).toBe(1);
});

test('a dry run announces and stops nothing', async () => {
  const { idle, vm, notices, pass } = setUp({ stopAfter: 10 * minute, dryRun: true });
  await using _ = idle;
  await pass(60);
  expect(vm.sent).toBe(0);
  expect(notices.map(({ stage, dryRun }) => [stage, dryRun])).toEqual([
    ['announced', true],
    ['stopping', true],
  ]);
  expect(vm.announced?.isDryRun).toBe(true);
});

test('what a dry run has announced is announced anew by one that stops', async () => {
  const { idle, vm, notices, pass } = setUp({ stopAfter: 10 * minute });
  await using _ = idle;
  const hourAgo = Math.floor(Date.now() / 1000);
  vm.announced = { at: hourAgo, stopsAt: hourAgo, because: 'idle', isDryRun: true };
  await pass(4);
  expect([vm.sent, notices.map(({ stage }) => stage)]).toEqual([0, ['announced']]);
  expect(vm.announced?.isDryRun).toBe(false);
  await pass(2);
  expect(vm.sent).toBe(1);
});

test('a VM that cannot be read is unknown in every part, stays on, and is complained of once', async () => {
  const { idle, vm, failures, pass, verdict } = setUp({ stopAfter: 10 * minute });
  await using _ = idle;
  vm.isLost = true;
  await pass(60);
  expect(vm.sent).toBe(0);
  expect(failures).toEqual([lost]);
  const { signals, stopsAt, usedAt } = await verdict();
  expect({ stopsAt, usedAt }).toEqual({ stopsAt: null, usedAt: null });
  expect(new Set(signals.map(({ state, reason }) => `${state}: ${reason}`))).toEqual(
    new Set([`unknown: ${lost.message}`]),
  );
});

test.each([
  new TypeError('x is not a function'),
  Object.assign(new Error('connect ECONNRESET 10.0.0.5:22'), { code: 'ECONNRESET' }),
])('a fault of ours is told to no caller, and to the log: %s', async (fault) => {
  const { idle, vm, faults, verdict } = setUp();
  await using _ = idle;
  vm.running = () => {
    throw fault;
  };
  const reason = 'it failed inside the API, whose log has more';
  const unknown = ({ signals }: IdleVerdict) => signals.filter(({ state }) => state === 'unknown');
  expect(unknown(await verdict())).toEqual(
    ['connections', 'cpu', 'probe'].map((name) => expect.objectContaining({ name, reason })),
  );
  expect(faults).toEqual([fault]);
  vm.fault = fault;
  expect(unknown(await verdict()).map((signal) => signal.reason)).toEqual(Array(7).fill(reason));
  expect(faults.at(-1)).toBe(fault);
  const { length } = faults;
  vm.running = () => [];
  vm.fault = lost;
  await verdict();
  expect(faults).toHaveLength(length);
});

test('of another process with a later rule the later stop wins', async () => {
  const { idle, vm, laterRules, pass } = setUp({ stopAfter: 60 * minute });
  await using _ = idle;
  const end = { address: '192.0.2.2', port: 2 };
  vm.observation = {
    apis: [{ id: 'bb', end, rules: { stopAfter: 600 * minute } }],
    tables: new Map([['host', [{ local: { address: '10.0.0.1', port: 22 }, remote: end }]]]),
  };
  await pass(120);
  expect(vm.sent).toBe(0);
  expect(laterRules).toEqual([{ stopAfter: 600 * minute, maxOn: undefined }]);
  vm.observation = {};
  await pass(10);
  expect(vm.sent).toBe(1);
  expect(laterRules.at(-1)).toEqual({ stopAfter: 60 * minute, maxOn: undefined });
});

test('asking for the verdict again and again hides no use of the CPU from the loop', async () => {
  const { idle, vm, verdict, pass } = setUp({ stopAfter: 180 * minute });
  await using _ = idle;
  vm.containers = [container];
  let busyUntilMs = 0;
  let used = 0;
  let at = performance.now();
  vm.cpuTimes = () => {
    const now = performance.now();
    used += Math.max(0, Math.min(now, busyUntilMs) - at) * 1e6;
    at = now;
    return new Map([['c', used]]);
  };
  await pass(10);
  at = performance.now();
  busyUntilMs = at + 35_000;
  for (let n = 0; n < 6; n += 1) {
    await vi.advanceTimersByTimeAsync(9500);
    await verdict();
  }
  await pass(1);
  expect(vm.notes).toContainEqual(
    expect.objectContaining({ name: 'cpu', by: expect.stringMatching(/^web \d+ %$/) }),
  );
});
