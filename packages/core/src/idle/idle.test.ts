// The service of the idle stop over a VM and an engine in memory: what it tells, what it keeps, and when it leaves the VM alone.

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { AppError } from '../errors.ts';
import type { IdleVerdict } from '../model/idle.ts';
import type { IdleHost, RunningContainer, VmObservation } from '../ports.ts';
import { createIdle, type IdleNotice, type IdleOptions } from './idle.ts';

beforeEach(() => {
  vi.useFakeTimers({
    now: Date.parse('2026-02-08T10:00:00Z'),
    toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate', 'Date', 'performance'],
  });
});
afterEach(() => {
  vi.useRealTimers();
});

const minute = 60;
const lost = new AppError('SERVICE_UNAVAILABLE', 'SSH does not answer');
const full = new AppError('SERVICE_UNAVAILABLE', 'no space is left');

const container: RunningContainer = {
  ...{ id: 'c', name: 'web', labels: {}, pid: 7, network: 'own' },
  ...{ addresses: [], gateways: [], ports: [], published: [] },
};

/** The VM's clock goes an hour ahead of ours. */
function setUp(changes: Partial<IdleOptions['settings']> = {}) {
  const seconds = () => Math.floor(Date.now() / 1000) + 3600;
  const bornAt = seconds() - 7200;
  const vm = {
    state: 'RUNNING' as 'RUNNING' | 'STOPPED',
    isLost: false,
    /** Nothing can be written. */
    isFull: false,
    observation: {} as Partial<VmObservation>,
    containers: [] as RunningContainer[],
    observations: 0,
    notes: [] as unknown[],
    uses: new Map<string, { at: number; by: string }>(),
    onNote() {},
    onClaim() {},
    sent: 0,
    announced: undefined as VmObservation['announced'],
    cpuTimes: () => new Map<string, number>(),
    running: () => vm.containers,
    /** Thrown in place of an observation. */
    fault: undefined as Error | undefined,
  };
  const { uses } = vm;
  const host: IdleHost = {
    async register() {},
    async observe() {
      vm.observations += 1;
      if (vm.isLost) throw lost;
      if (vm.fault) throw vm.fault;
      return {
        ...{
          now: seconds(),
          readySince: bornAt,
          ssh: { port: 22, own: { address: '192.0.2.1', port: 1 } },
        },
        ...{
          apis: [],
          uses: new Map(uses) as VmObservation['uses'],
          unknownAt: uses.get('unknown')?.at,
          announced: vm.announced,
        },
        ...{
          leases: [],
          jobs: [],
          tables: new Map(),
          cut: new Set(),
          unreadable: new Set(),
        },
        ...vm.observation,
      };
    },
    async note(all) {
      if (vm.isFull) throw full;
      vm.onNote();
      vm.notes.push(...all);
      for (const { name, at, by } of all)
        uses.set(name, { at: typeof at === 'number' ? at : seconds() - at.secondsAgo, by });
    },
    async announce({ text, ...announcement }) {
      if (vm.isFull) throw full;
      vm.announced = { at: seconds(), ...announcement };
    },
    async claimStop({ observedAt }) {
      if (vm.isFull) throw full;
      vm.onClaim();
      return [...uses.values()].every(({ at }) => at < observedAt);
    },
  };
  const link = { connected: true, drop() {} };
  const notices: IdleNotice[] = [];
  const failures: unknown[] = [];
  const faults: unknown[] = [];
  const laterRules: unknown[] = [];
  const idle = createIdle({
    host,
    engine: {
      running: async () => vm.running(),
      cpuTimes: async () => vm.cpuTimes(),
      probe: async () => 1,
    },
    vm: {
      status: async () => ({
        vmId: 'oci-flex',
        displayName: 'vm',
        lastCheck: '',
        lifecycleState: vm.state,
      }),
    },
    compute: {
      getInstance: async () => ({ lifecycleState: vm.state, displayName: 'vm', etag: 'e' }),
      getPublicIp: async () => undefined,
      act: async () => {},
      readConsole: async () => ({ capturedAt: '', logs: '' }),
    } as IdleOptions['compute'], // the service asks for the instance alone
    link,
    clock: { now: () => new Date(), elapsedMs: () => performance.now() },
    settings: {
      stopAfter: undefined,
      maxOn: undefined,
      announce: 5 * minute,
      dryRun: false,
      cpuPercent: 20,
      ...changes,
    },
    async stop(confirm) {
      await confirm();
      vm.sent += 1;
      vm.state = 'STOPPED';
    },
    onNotice: (notice) => notices.push(notice),
    onFailure: (error) => failures.push(error),
    onLaterRules: (rules) => laterRules.push(rules),
    onInternalError: (error) => faults.push(error),
  });
  const verdict = async () => {
    const reading = idle.verdict();
    await vi.advanceTimersByTimeAsync(1500);
    return reading;
  };
  return {
    idle,
    vm,
    link,
    notices,
    failures,
    faults,
    laterRules,
    verdict,
    pass: (minutes: number) => vi.advanceTimersByTimeAsync(minutes * 60_000),
  };
}

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

test('a use that cannot be written is carried over, and stops nothing before and after it is', async () => {
  const { idle, vm, notices, failures, pass } = setUp({ stopAfter: 180 * minute });
  await using _ = idle;
  await pass(50);
  vm.isFull = true;
  vm.observation = { jobs: [{ id: 'j', target: 'web' }] };
  await pass(1);
  const seenAt = Math.floor(Date.now() / 1000) + 3600;
  vm.observation = {};
  await pass(15);
  expect([vm.sent, notices, failures]).toEqual([0, [], [full]]);
  vm.isFull = false;
  await pass(150);
  const [note] = vm.notes as { name: string; at: number }[];
  expect(note).toMatchObject({ name: 'jobs', by: 'job j on web' });
  expect(Math.abs((note?.at ?? 0) - seenAt)).toBeLessThanOrEqual(minute);
  expect(vm.sent).toBe(0);
  await pass(20);
  expect(vm.sent).toBe(1);
});

test('a newer use takes the place of one that is carried over', async () => {
  const { idle, vm, pass } = setUp({ stopAfter: 180 * minute });
  await using _ = idle;
  vm.isFull = true;
  vm.observation = { jobs: [{ id: 'old', target: 'web' }] };
  await pass(5);
  vm.observation = { jobs: [{ id: 'new', target: 'web' }] };
  await pass(5);
  vm.observation = {};
  vm.isFull = false;
  await pass(2);
  expect(vm.notes).toEqual([expect.objectContaining({ by: 'job new on web' })]);
});

test('an announcement that cannot be written is told to nobody, until it can', async () => {
  const { idle, vm, notices, failures, pass } = setUp({ stopAfter: 180 * minute });
  await using _ = idle;
  await pass(50);
  vm.isFull = true;
  await pass(60);
  expect([vm.sent, notices, failures]).toEqual([0, [], [full]]);
  vm.isFull = false;
  await pass(4);
  expect([vm.sent, notices.map(({ stage }) => stage)]).toEqual([0, ['announced']]);
  await pass(5);
  expect([vm.sent, notices.map(({ stage }) => stage)]).toEqual([1, ['announced', 'stopping']]);
});

test('a stop that cannot be claimed, as nothing can be written, is not sent, and is complained of', async () => {
  const { idle, vm, failures, pass } = setUp({ stopAfter: 180 * minute });
  await using _ = idle;
  await pass(58);
  vm.isFull = true;
  await pass(30);
  expect([vm.sent, failures]).toEqual([0, [full]]);
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

describe('an action', () => {
  const by = 'restart of web by ana';
  const noted = (secondsAgo = 0) => ({ name: 'actions', at: { secondsAgo }, by });

  test('is kept on the VM, and many at once by one command', async () => {
    const { idle, vm, verdict, pass } = setUp();
    await using _ = idle;
    for (let n = 0; n < 20; n += 1) idle.noteAction(`restart of web-${n} by ana`);
    const { usedBy, signals } = await verdict();
    expect(usedBy).toBe('actions: restart of web-19 by ana');
    expect(signals.find(({ name }) => name === 'actions')?.state).toBe('used');
    await pass(1);
    expect(vm.notes).toEqual([expect.objectContaining({ by: 'restart of web-19 by ana' })]);
  });

  test('that cannot be written is written once it can, with its own time', async () => {
    const { idle, vm, pass } = setUp();
    await using _ = idle;
    vm.isFull = true;
    idle.noteAction(by);
    await pass(10);
    expect(vm.notes).toEqual([]);
    vm.isFull = false;
    await pass(1);
    expect(vm.notes).toEqual([noted(expect.toSatisfy((ago) => ago >= 600 && ago <= 660))]);
    await pass(10);
    expect(vm.notes).toHaveLength(1);
  });

  test('of a VM that is not connected is written once it is, and dials it not', async () => {
    const { idle, vm, link, pass } = setUp();
    await using _ = idle;
    link.connected = false;
    idle.noteAction(by);
    await pass(10);
    expect(vm.notes).toEqual([]);
    link.connected = true;
    await pass(1);
    expect(vm.notes).toHaveLength(1);
  });

  test('that comes while the one before is written is written after it', async () => {
    const { idle, vm, pass } = setUp();
    await using _ = idle;
    idle.noteAction(by);
    vm.onNote = () => {
      vm.onNote = () => {};
      idle.noteAction('stop of web by ben');
    };
    await pass(1);
    expect(vm.notes).toEqual([noted(1), expect.objectContaining({ by: 'stop of web by ben' })]);
  });

  test('is written before the process ends, also where another one is being written', async () => {
    const { idle, vm } = setUp();
    idle.noteAction(by);
    await idle[Symbol.asyncDispose]();
    expect(vm.notes).toEqual([noted()]);
  });

  test('keeps no process that ends, where it cannot be written', async () => {
    const { idle, vm, pass } = setUp();
    vm.isFull = true;
    idle.noteAction(by);
    await idle[Symbol.asyncDispose]();
    idle.noteAction(by);
    vm.isFull = false;
    await pass(60);
    expect(vm.notes).toEqual([]);
  });
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
