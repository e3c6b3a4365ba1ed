// Four days of a VM in memory: random use, faults and restarts of three processes of the API, which must stop it when it is idle and only then.

import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { IdleHost, LeaseRecord, RunningContainer, VmObservation } from '../adapter-ports.ts';
import { AppError } from '../app-error.ts';
import { graceSeconds } from '../model/defaults-limits-timeouts.ts';
import { type SignalName, signalNames } from '../model/idle.ts';
import { often } from '../testing/fuzz-size.test-support.ts';
import type { Assessment } from './observe.ts';
import { toReadings } from './signals.ts';
import { createIdleTurn } from './stop-loop.ts';
import { decide } from './verdict.ts';

const days = 4;
const minute = 60;
const hour = 60 * minute;
const intervalSeconds = 5 * minute;
const settings = { stopAfter: 30 * minute, announce: 5 * minute, dryRun: false, cpuPercent: 20 };

const numbers = fc.infiniteStream(fc.noBias(fc.nat(2 ** 30 - 1)), { noHistory: true });

test('never a stop while it is used or unknown, always one in time, never two', async () => {
  let runs = 0;
  let stops = 0;
  await fc.assert(
    fc.asyncProperty(numbers, async (chances) => {
      const violations: string[] = [];
      runs += 1;
      stops += await simulate(() => chances.next().value / 2 ** 30, violations);
      expect(violations.slice(0, 10)).toEqual([]);
    }),
    often(3),
  );
  expect(stops).toBeGreaterThan(runs);
});

/** What a person does, in order of time; `unknown` is what cannot be read. */
const kinds = [...signalNames, 'keep', 'unknown'] as const;

async function simulate(random: () => number, violations: string[]): Promise<number> {
  const between = (least: number, most: number) => Math.floor(least + random() * (most - least));
  const pick = <T>(all: readonly T[]): T => all[between(0, all.length)] as T; // within bounds
  const begin = 1_700_000_000;
  let now = begin;
  let etag = 0;
  let state: 'RUNNING' | 'STOPPED' = 'RUNNING';
  let readySince = now;
  /** Until when each kind of use goes on. */
  const until = new Map<(typeof kinds)[number], number>();
  const vm: {
    uses: Map<SignalName, { at: number; by: string }>;
    unknownAt?: number;
    observedAt?: number;
    announced?: VmObservation['announced'];
    leases: LeaseRecord[];
    claim?: string | undefined;
  } = { uses: new Map(), leases: [] };
  /** As far as anybody could see: what begins and ends between two observations leaves no trace, but for leases and actions. */
  let lastBusy = now;
  let lastFault = begin - hour;
  /** Nobody can observe it for so long: what is used then is unknown. */
  let failing: { readonly of: 'OCI' | 'SSH'; readonly until: number } | undefined;
  let stops = 0;
  let stopping = 0;
  let stopsOfThisBoot = 0;
  let announcedAt: number | undefined;
  const goesOn = (kind: (typeof kinds)[number]) => (until.get(kind) ?? 0) > now;
  const isBusy = () => kinds.some((kind) => kind !== 'actions' && goesOn(kind));
  const sendFault = () => {
    lastFault = now;
    throw new AppError('SERVICE_UNAVAILABLE', 'a fault');
  };

  const failDuring = (of: 'OCI' | 'SSH') => {
    if (failing?.of !== of || now >= failing.until) return;
    lastBusy = now;
    sendFault();
  };

  function use(): void {
    const kind = pick(kinds);
    const seconds = pick([30, 5 * minute, 2 * hour]);
    until.set(kind, now + seconds);
    if (kind === 'leases') takeLease(seconds);
    if (kind === 'actions') noteAction();
  }

  function noteAction(): void {
    vm.uses.set('actions', { at: now, by: 'ana' });
    lastBusy = now;
  }

  function takeLease(seconds: number): void {
    until.set('leases', now + seconds);
    lastBusy = now;
    vm.leases = [
      { id: 'l', sub: 'ana', clientId: 'c', reason: '', since: now, until: now + seconds },
    ];
  }

  const host: Pick<IdleHost, 'note' | 'announce' | 'claimStop'> = {
    async note(uses) {
      failDuring('SSH');
      for (const { name, at, by } of uses) {
        const time = typeof at === 'number' ? at : now - at.secondsAgo;
        if (name === 'unknown') vm.unknownAt = Math.max(time, vm.unknownAt ?? 0);
        else if (name === 'observed') vm.observedAt = Math.max(time, vm.observedAt ?? 0);
        else if (time > (vm.uses.get(name)?.at ?? 0)) vm.uses.set(name, { at: time, by });
      }
      // Written all the same: of a write that fails nobody knows how far it came.
      if (random() < 0.01) sendFault();
    },
    async announce({ stopsAt, because, isDryRun }) {
      if (random() < 0.05) sendFault();
      announcedAt = now;
      vm.announced = { at: now, stopsAt, because, isDryRun };
      if (random() < 0.05) sendFault();
    },
    async claimStop({ observedAt }) {
      const mine = `${readySince} ${Math.floor(now / 120)}`;
      if (vm.claim === mine) return false;
      // After the last observation, and before the claim.
      if (random() < 0.2) takeLease(pick([5 * minute, 2 * hour]));
      if (random() < 0.1) noteAction();
      if ([...vm.uses.values()].some(({ at }) => at >= observedAt)) return false;
      if (goesOn('leases') || goesOn('jobs')) return false;
      vm.claim = mine;
      if (random() < 0.05) sendFault();
      return true;
    },
  };

  async function assess(): Promise<Assessment> {
    failDuring('SSH');
    if (random() < 0.01) sendFault();
    if (isBusy()) lastBusy = now;
    const container: RunningContainer = {
      id: 'c',
      name: 'c',
      labels: goesOn('keep') ? { 'ondemand.idle': 'keep' } : {},
      pid: 7,
      network: 'own',
      addresses: [],
      gateways: [],
      ports: [],
      published: [],
    };
    const end = (port: number, remote: string) => ({
      local: { address: '10.0.0.1', port },
      remote: { address: remote, port: 5 },
    });
    const observation: VmObservation = {
      now,
      readySince,
      ssh: { port: 22, own: { address: '10.0.0.9', port: 5 } },
      apis: [],
      uses: new Map(vm.uses),
      unknownAt: vm.unknownAt,
      observedAt: vm.observedAt,
      announced: vm.announced,
      leases: vm.leases,
      jobs: goesOn('jobs') ? [{ id: 'j', target: 'web' }] : [],
      tables: new Map([
        ['host', goesOn('sessions') ? [end(22, '198.51.100.1')] : []],
        ['7', goesOn('connections') ? [end(80, '198.51.100.1')] : []],
      ]),
      cut: new Set(),
      unreadable: new Set(),
    };
    const parts = {
      observation,
      containers: { value: [container] },
      cpu: { value: [{ name: 'c', percent: goesOn('cpu') ? 99 : 1 }] },
      probes: [
        {
          container: 'c',
          exitCode: { value: goesOn('unknown') ? undefined : goesOn('probe') ? 0 : 1 },
        },
      ],
      action: undefined,
    };
    const signals = toReadings(parts, { cpuPercent: 20, actionSeconds: intervalSeconds });
    await undefined;
    return { observation, atMs: now * 1000, signals, otherRules: [] };
  }

  async function stop(confirm: () => Promise<void>): Promise<void> {
    if (state !== 'RUNNING') throw new AppError('CONFLICT', 'VM already stopped');
    const before = etag;
    stopping += 1;
    // Somebody comes in the very moment before the last observation; after it nobody could be seen.
    if (stopping === 1 && random() < 0.2) use();
    try {
      await confirm();
    } finally {
      stopping -= 1;
    }
    if (random() < 0.05) sendFault();
    if (etag !== before || state !== 'RUNNING')
      throw new AppError('CONFLICT', 'another was faster');
    etag += 1;
    state = 'STOPPED';
    stops += 1;
    stopsOfThisBoot += 1;
    // Not thrown: the loop goes on after whatever a stop fails with.
    const check = (holds: boolean, what: string) => {
      if (!holds) violations.push(`${now - begin} s: ${what}`);
    };
    check(!isBusy(), 'stopped while it was used or unknown');
    check(
      now - Math.max(lastBusy, readySince) >= settings.stopAfter,
      'stopped before it was idle for long enough',
    );
    check(now - readySince >= graceSeconds, 'stopped within the grace');
    check(now - (announcedAt ?? now) >= settings.announce, 'stopped without being announced');
    check(stopsOfThisBoot === 1, 'stopped twice');
  }

  const judge = ({ observation, signals }: Assessment) =>
    decide(
      {
        now: observation.now,
        readySince: observation.readySince,
        signals,
        leasedUntil: undefined,
        unknownAt: observation.unknownAt,
        announced: observation.announced,
      },
      settings,
    );
  const createProcess = () => ({
    nextAt: now,
    turn: createIdleTurn({
      ...{ host: host as IdleHost, assess, judge, stop, settings, intervalSeconds }, // the loop uses no more of it
      vm: {
        async status() {
          failDuring('OCI');
          return { vmId: 'oci-flex', displayName: 'vm', lastCheck: '', lifecycleState: state };
        },
      },
      clock: { now: () => new Date(now * 1000), elapsedMs: () => now * 1000 },
      onNotice() {},
      signal: new AbortController().signal,
    }),
  });
  const processes = [createProcess(), createProcess(), createProcess()];
  let nextUse = now;
  let nextChange = now + hour;

  for (const end = begin + days * 24 * hour; now < end; ) {
    now = Math.min(nextUse, nextChange, ...processes.map(({ nextAt }) => nextAt));
    if (now >= nextUse) {
      nextUse = now + pick([10 * minute, hour, 8 * hour]);
      if (state === 'STOPPED') {
        state = 'RUNNING';
        etag += 1;
        readySince = now;
        stopsOfThisBoot = 0;
        until.clear();
        vm.leases = [];
        lastFault = Math.max(lastFault, now);
      }
      use();
    }
    if (now >= nextChange) {
      nextChange = now + between(hour, 30 * hour);
      processes[between(0, 3)] = createProcess();
      if (random() < 0.3)
        failing = { of: pick(['OCI', 'SSH']), until: now + pick([10 * minute, hour, 5 * hour]) };
      if (state === 'RUNNING' && random() < 0.1) {
        state = 'STOPPED'; // by hand
        etag += 1;
      }
    }
    const due = processes.filter(({ nextAt }) => nextAt <= now);
    await Promise.all(
      due.map(async (each) => {
        const seconds = await each.turn().catch(() => intervalSeconds);
        each.nextAt = now + Math.max(1, seconds);
      }),
    );
    const idleSince = Math.max(lastBusy, readySince, vm.unknownAt ?? 0, lastFault);
    if (
      state === 'RUNNING' &&
      now > idleSince + settings.stopAfter + settings.announce + 2 * intervalSeconds
    )
      violations.push(`${now - begin} s: idle for ${now - idleSince} s, and still on`);
  }
  return stops;
}
