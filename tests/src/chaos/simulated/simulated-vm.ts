// The VM in memory: what runs on it, what its files keep, who uses it, and its own clock.

import type { JobRequest, JobState, LeaseRecord, SignalName, VmObservation } from '@ondemand/core';
import type { FaultName, UseKind } from './step.ts';

export interface MachineJob extends Pick<JobRequest, 'id' | 'target' | 'lock'> {
  state: JobState;
  exitCode: number | null;
  readonly startedAt: string;
}

export interface Machine extends Disposable {
  readonly isOn: boolean;
  /** Another one each time it is switched on. */
  readonly boot: number;
  readonly faults: Set<FaultName>;
  readonly containers: Map<string, { state: 'running' | 'exited' }>;
  readonly jobs: Map<string, MachineJob>;
  readonly leases: Map<string, LeaseRecord>;
  /** What the processes of the API note there. */
  readonly notes: Map<SignalName | 'unknown', { at: number; by: string }>;
  /** When they last observed it, and when Docker first answered in this boot. */
  observedAt: number | undefined;
  dockerSince: number | undefined;
  announced: VmObservation['announced'];
  claimed: { readonly boot: number; readonly at: number } | undefined;
  /** Since when each goes on, in seconds of its clock. */
  readonly used: Map<UseKind, number>;
  /** Calls that it has not answered yet. */
  underWay: number;
  /** Commands and requests that reached it. */
  reached: number;
  /** Changes that it was asked for and made. */
  readonly changes: string[];
  /** Seconds of its clock, an hour ahead of ours. */
  now(): number;
  /** Is kept from when Docker is seen to answer. */
  readySince(isReady?: boolean): number;
  cpuNanoseconds(): number;
  startJob(job: Pick<MachineJob, 'id' | 'target' | 'lock'>): MachineJob;
  heldLeases(): readonly LeaseRecord[];
  power(isOn: boolean): void;
}

/** Switched on, with two containers that run and come back after each boot. */
export function createMachine(random: () => number): Machine {
  const jobTimers = new Map<string, NodeJS.Timeout>();
  const now = () => Math.floor(Date.now() / 1000) + 3600;
  let [isOn, boot] = [true, 1];
  let ready: { readonly boot: number; readonly at: number } | undefined;
  let cpu = { nanoseconds: 0, atMs: Date.now() };

  const machine: Machine = {
    get isOn() {
      return isOn;
    },
    get boot() {
      return boot;
    },
    faults: new Set(),
    containers: new Map([
      ['nginx', { state: 'running' }],
      ['postgres', { state: 'running' }],
    ]),
    jobs: new Map(),
    leases: new Map(),
    notes: new Map(),
    observedAt: undefined,
    dockerSince: undefined,
    announced: undefined,
    claimed: undefined,
    used: new Map(),
    underWay: 0,
    reached: 0,
    changes: [],
    now,
    readySince(isReady = true) {
      if (isReady && ready?.boot !== boot) ready = { boot, at: now() };
      return ready?.boot === boot ? ready.at : now();
    },
    cpuNanoseconds() {
      const share = machine.used.has('cpu') ? 0.9 : 0.02;
      const nanoseconds = cpu.nanoseconds + (Date.now() - cpu.atMs) * 1e6 * share;
      cpu = { nanoseconds, atMs: Date.now() };
      return nanoseconds;
    },
    startJob(wanted) {
      const startedAt = new Date(now() * 1000).toISOString();
      const job: MachineJob = { ...wanted, state: 'running', exitCode: null, startedAt };
      machine.jobs.set(job.id, job);
      const exitCode = random() < 0.3 ? 1 : 0;
      const end = () =>
        Object.assign(job, { state: exitCode === 0 ? 'succeeded' : 'failed', exitCode });
      jobTimers.set(
        job.id,
        setTimeout(() => job.state === 'running' && end(), (3 + random() * 40) * 1000),
      );
      return job;
    },
    heldLeases: () => [...machine.leases.values()].filter(({ until }) => until > now()),
    power(wanted) {
      if (wanted === isOn) return;
      isOn = wanted;
      if (isOn) {
        boot += 1;
        machine.dockerSince = undefined;
        for (const container of machine.containers.values()) container.state = 'running';
        return;
      }
      machine.used.clear();
      for (const job of machine.jobs.values()) if (job.state === 'running') job.state = 'lost';
    },
    [Symbol.dispose]() {
      for (const timer of jobTimers.values()) clearTimeout(timer);
    },
  };
  return machine;
}
