// The service of the idle stop over a VM and an engine in memory, by a clock that tests move.

import { afterEach, beforeEach, vi } from 'vitest';
import type { IdleHost, RunningContainer, VmObservation } from '../adapter-ports.ts';
import { AppError } from '../app-error.ts';
import { createIdle, type IdleNotice, type IdleOptions } from '../idle/idle.ts';

/** For every test of the file that calls it. */
export function useFakeTime(): void {
  beforeEach(() => {
    vi.useFakeTimers({
      now: Date.parse('2026-02-08T10:00:00Z'),
      toFake: [
        'setTimeout',
        'clearTimeout',
        'setImmediate',
        'clearImmediate',
        'Date',
        'performance',
      ],
    });
  });
  afterEach(() => {
    vi.useRealTimers();
  });
}

export const minute = 60;
export const lost = new AppError('SERVICE_UNAVAILABLE', 'SSH does not answer');
export const full = new AppError('SERVICE_UNAVAILABLE', 'no space is left');

export const container: RunningContainer = {
  ...{ id: 'c', name: 'web', labels: {}, pid: 7, network: 'own' },
  ...{ addresses: [], gateways: [], ports: [], published: [] },
};

/** The VM's clock goes an hour ahead of ours. */
export function setUp(changes: Partial<IdleOptions['settings']> = {}) {
  const seconds = () => Math.floor(Date.now() / 1000) + 3600;
  const bornAt = seconds() - 7200;
  const vm = {
    state: 'RUNNING' as 'RUNNING' | 'STOPPED',
    isLost: false,
    isOciLost: false,
    /** Nothing can be written. */
    isFull: false,
    observation: {} as Partial<VmObservation>,
    containers: [] as RunningContainer[],
    observations: 0,
    notes: [] as unknown[],
    uses: new Map<string, { at: number; by: string }>(),
    /** As the processes of the API keep it there. */
    observedAt: undefined as number | undefined,
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
          observedAt: vm.observedAt,
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
      for (const note of all) {
        const at = typeof note.at === 'number' ? note.at : seconds() - note.at.secondsAgo;
        if (note.name === 'observed') {
          vm.observedAt = at;
          continue;
        }
        vm.notes.push(note);
        uses.set(note.name, { at, by: note.by });
      }
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
      async status() {
        if (vm.isOciLost) throw lost;
        return {
          vmId: 'oci-flex',
          displayName: 'vm',
          lastCheck: '',
          lifecycleState: vm.state,
        };
      },
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
