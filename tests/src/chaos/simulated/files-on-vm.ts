// What the API keeps on the VM, over one process's link: leases, jobs, and what the idle stop goes by.

import {
  AppError,
  type IdleHost,
  type JobHost,
  type JobRecord,
  type LeaseHost,
  type VmObservation,
} from '@ondemand/core';
import { pause } from './random.ts';
import type { Machine } from './simulated-vm.ts';
import type { SimulatedLink } from './ssh-link.ts';

export function createLeaseHost(machine: Machine, link: SimulatedLink): LeaseHost {
  return {
    take: ({ id, seconds, owner }, { signal } = {}) =>
      link.call(() => {
        requireSpace(machine);
        const now = machine.now();
        const since = machine.leases.get(id)?.since ?? now;
        machine.leases.set(id, { id, ...owner, since, until: now + seconds });
        return { now, since, until: now + seconds };
      }, signal),
    end: (id, { signal } = {}) =>
      link.call(() => {
        requireSpace(machine);
        const [lease, now] = [machine.leases.get(id), machine.now()];
        if (lease === undefined || lease.until <= now) return undefined;
        machine.leases.set(id, { ...lease, until: now });
        return now;
      }, signal),
    list: ({ signal } = {}) =>
      link.call(() => ({ now: machine.now(), leases: [...machine.leases.values()] }), signal),
  };
}

export function createIdleHost(
  machine: Machine,
  link: SimulatedLink,
  onObserved: () => void,
  onNoted: () => void,
): IdleHost {
  const end = (port: number, address: string) => ({
    local: { address: '10.0.0.1', port },
    remote: { address, port: 5000 },
  });
  return {
    register: (_rules, { signal } = {}) => link.call(() => {}, signal),
    observe: ({ isReady }, { signal } = {}) =>
      link.call((): VmObservation => {
        onObserved();
        const { notes, used } = machine;
        const ssh = used.has('sessions') ? [end(22, '198.51.100.1')] : [];
        const web = used.has('connections') ? [end(80, '198.51.100.1')] : [];
        return {
          now: machine.now(),
          readySince: machine.readySince(isReady),
          ssh: { port: 22, own: { address: '10.0.0.9', port: 5 } },
          apis: [],
          uses: new Map(notes) as VmObservation['uses'],
          unknownAt: notes.get('unknown')?.at,
          observedAt: machine.observedAt,
          announced: machine.announced,
          leases: [...machine.leases.values()],
          jobs: [...machine.jobs.values()].filter(({ state }) => state === 'running'),
          tables: new Map([
            ['host', ssh],
            ['7', web],
          ]),
          cut: new Set(),
          unreadable: new Set(),
        };
      }, signal),
    note: (uses, { signal } = {}) =>
      link.call(() => {
        requireSpace(machine);
        for (const { name, at, by } of uses) {
          const time = typeof at === 'number' ? at : machine.now() - at.secondsAgo;
          if (name === 'observed') machine.observedAt = Math.max(time, machine.observedAt ?? 0);
          else if (time > (machine.notes.get(name)?.at ?? 0))
            machine.notes.set(name, { at: time, by });
        }
        onNoted();
      }, signal),
    announce: ({ stopsAt, because, isDryRun }, { signal } = {}) =>
      link.call(() => {
        requireSpace(machine);
        machine.announced = { at: machine.now(), stopsAt, because, isDryRun };
      }, signal),
    claimStop: ({ observedAt }, { signal } = {}) =>
      link.call(() => {
        requireSpace(machine);
        const { claimed, boot, notes, jobs } = machine;
        const now = machine.now();
        if (claimed?.boot === boot && claimed.at > now - 120) return false;
        if (machine.heldLeases().length > 0) return false;
        if ([...notes.values()].some(({ at }) => at >= observedAt)) return false;
        if ([...jobs.values()].some(({ state }) => state === 'running')) return false;
        machine.claimed = { boot, at: now };
        return true;
      }, signal),
  };
}

export function createJobHost(machine: Machine, link: SimulatedLink): JobHost {
  const { jobs } = machine;
  return {
    start: ({ id, target, lock }) =>
      link
        .call(() => {
          requireSpace(machine);
          const holder = [...jobs.values()].find(
            (job) => job.state === 'running' && job.lock === lock,
          );
          if (holder !== undefined)
            throw new AppError('CONFLICT', 'the lock is held', { details: { job: holder.id } });
          return machine.startJob({ id, target, lock });
        })
        .catch((error: unknown) => {
          // As the real one: where the answer was lost, whether it was started is not known.
          if (!jobs.has(id)) throw error;
          throw new AppError('SERVICE_UNAVAILABLE', 'whether the job was started is unknown', {
            text: 'Outcome unknown',
            details: { job: id, outcome: 'unknown' },
          });
        }),
    cancel: (id) =>
      link.call(async () => {
        const job = jobs.get(id);
        await pause(1000);
        if (job?.state === 'running') Object.assign(job, { state: 'cancelled', exitCode: 143 });
        return job?.state;
      }),
    list: ({ id, signal }) =>
      link.call(
        () =>
          [...jobs.values()]
            .filter((job) => id === undefined || job.id === id)
            .map(({ lock: _, ...job }): JobRecord => {
              const hasEnd = job.state !== 'running' && job.state !== 'lost';
              return {
                ...{ ...job, kind: 'rebuild', outputBytes: 0, outputTail: new Uint8Array() },
                finishedAt: hasEnd ? new Date(machine.now() * 1000).toISOString() : null,
              };
            }),
        signal,
      ),
    read: (spans, { waitMs, signal }) =>
      link.call(async () => {
        const read = () =>
          spans.map((span) => {
            const state = jobs.get(span.id)?.state;
            const done = state !== undefined && state !== 'running';
            return { ...span, state, bytes: new Uint8Array(), done };
          });
        const isNews = () => read().some(({ state, done }) => done || state === undefined);
        if (!isNews() && waitMs > 0) await pause(waitMs, signal);
        return read();
      }, signal),
  };
}

function requireSpace({ faults }: Machine): void {
  if (faults.has('vm-full'))
    throw new AppError('SERVICE_UNAVAILABLE', 'no space is left on the VM', {
      text: 'Command failed on the VM',
    });
}
