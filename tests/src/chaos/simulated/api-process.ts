// One process of the API over the world in memory: the services as `startService` wires them, without sockets.

import {
  type Compute,
  createContainers,
  createEvents,
  createIdle,
  createJobs,
  createLeases,
  createReadiness,
  createVm,
  createWaker,
  type Engine,
  systemClock,
} from '@ondemand/core';
import { createOwnStop } from '../../../../packages/server/dist/audit/idle-stop.js';
import { createAuditTrail } from '../../../../packages/server/dist/audit/trail.js';
import type { Services } from '../../../../packages/server/dist/procedures/core-services.js';
import { createIdleHost, createJobHost, createLeaseHost } from './files-on-vm.ts';
import type { Machine } from './simulated-vm.ts';
import { createEngine, createLink } from './ssh-link.ts';

export interface ApiProcess {
  readonly services: Services;
  /** As SIGTERM does; those who are answered still are answered. */
  stop(): Promise<void>;
}

export interface ApiProcessOptions {
  readonly machine: Machine;
  readonly compute: Compute & Disposable;
  readonly random: () => number;
  readonly onObserved: () => void;
  readonly onNoted: () => void;
  /** A failure that is none of those that are foreseen. */
  readonly onInternalError: (error: unknown) => void;
}

/** The rules of the idle stop, in seconds; shorter than the grace after a boot, which then counts. */
export const idleSettings = { stopAfter: 8 * 60, announce: 5 * 60, maxOn: undefined } as const;

export function startProcess(options: ApiProcessOptions): ApiProcess {
  const { machine, compute, random, onInternalError } = options;
  const clock = systemClock; // which the test has replaced
  const randomHex = (digits: number) =>
    Array.from({ length: digits }, () => Math.floor(random() * 16).toString(16)).join('');
  const link = createLink(machine, random);
  const engine = createEngine(machine, link);
  const vm = createVm({
    ...{ compute, clock, link },
    onAction() {
      events.check('vm');
      readiness.acted();
    },
    onNewVersion: () => readiness.acted(),
  });
  const readiness = createReadiness({
    ...{ vm, link, clock, onInternalError },
    hurry() {},
    readVersion: engine.readVersion,
    readConsole: async () => ({ logs: '' }),
  });
  const jobs = createJobs({
    ...{ host: createJobHost(machine, link), compute, link, clock, randomHex },
    planRebuild: async () => ({ argv: ['make'], env: {}, lock: 'project' }),
    onChange: () => events.check('jobs'),
  });
  const leases = createLeases({
    ...{ host: createLeaseHost(machine, link), compute, link, clock, randomHex, onInternalError },
  });
  const waker = createWaker({
    ...{ vm, readiness, takeLease: leases.take, clock, onInternalError },
  });
  const port = engine as unknown as Engine; // nothing here asks for the rest of it
  const events = createEvents({ vm, engine: port, jobs, link, clock, randomHex });
  const audit = createAuditTrail({ log() {}, logFailure() {} });
  const idle = createIdle({
    ...{ engine: engine.use, vm, compute, link, clock, onInternalError },
    host: createIdleHost(machine, link, options.onObserved, options.onNoted),
    settings: { ...idleSettings, dryRun: false, cpuPercent: 20 },
    stop: createOwnStop({ vm, audit }),
    onNotice: (notice) => events.tell({ type: 'idle', time: clock.now().toISOString(), ...notice }),
  });
  const closing = new AbortController();
  const containers = createContainers({
    ...{ engine: port, jobs, compute, link, clock, closing: closing.signal },
  });
  const absent = () => Promise.reject(new Error('not part of this world'));
  return {
    services: {
      ...{ vm, readiness, waker, containers, jobs, events, leases, idle },
      console: { readConsole: absent },
      ssh: { address: absent },
      diagnosis: { diagnose: absent },
    },
    async stop() {
      closing.abort();
      await Promise.all([events, readiness, waker].map((each) => each[Symbol.asyncDispose]()));
      await idle[Symbol.asyncDispose]();
      link[Symbol.dispose]();
      compute[Symbol.dispose]();
    },
  };
}
