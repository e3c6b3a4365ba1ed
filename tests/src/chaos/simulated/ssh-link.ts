// One process's connection to the VM in memory, and Docker through it, with the faults of both.

import {
  AppError,
  type Engine,
  type EngineContainer,
  type Link,
  type UseEngine,
} from '@ondemand/core';
import { pause } from './random.ts';
import type { Machine } from './simulated-vm.ts';

export interface SimulatedLink extends Link, Disposable {
  /** Runs it on the VM; its answer comes unless the connection is lost meanwhile. */
  call<T>(work: () => T | Promise<T>, signal?: AbortSignal): Promise<T>;
}

export function createLink(machine: Machine, random: () => number): SimulatedLink {
  const { faults } = machine;
  const ending = new AbortController();
  let connected = false;

  return {
    [Symbol.dispose]: () => ending.abort(gone()),
    get connected() {
      return connected;
    },
    drop() {
      connected = false;
    },
    async call(work, signal) {
      machine.underWay += 1;
      try {
        const either = signal ? AbortSignal.any([signal, ending.signal]) : ending.signal;
        await pause(5 + random() * 80, either);
        if (faults.has('ssh-freeze')) await pause(12_000, either);
        if (!machine.isOn || faults.has('ssh-freeze') || faults.has('ssh-refuse')) throw gone();
        const { boot } = machine;
        connected = true;
        machine.reached += 1;
        const result = await work();
        await pause(5 + random() * 80, ending.signal);
        if (!machine.isOn || machine.boot !== boot) throw gone();
        if (faults.has('ssh-cut') && random() < 0.5) throw gone();
        return result;
      } finally {
        machine.underWay -= 1;
      }
    },
  };

  function gone(): AppError {
    connected = false;
    return new AppError('SERVICE_UNAVAILABLE', 'VM not reachable via SSH: it does not answer', {
      text: 'VM not reachable via SSH',
    });
  }
}

export type SimulatedEngine = Pick<Engine, 'list' | 'start' | 'stop' | 'restart'> &
  UseEngine & { readonly use: UseEngine; readVersion(options: CallOptions): Promise<string> };

type CallOptions = NonNullable<Parameters<Engine['list']>[0]>;

export function createEngine(machine: Machine, link: SimulatedLink): SimulatedEngine {
  const { faults } = machine;
  const ask = <T>(work: () => T, signal?: AbortSignal): Promise<T> =>
    link.call(() => {
      if (faults.has('docker-500')) throw failed({});
      machine.dockerSince ??= machine.now();
      return work();
    }, signal);
  const change = (action: string, to: 'running' | 'exited') => (id: string) =>
    ask(() => {
      const container = machine.containers.get(id);
      if (container === undefined) throw new AppError('NOT_FOUND', `no container ${id}`);
      const changed = action === 'restart' || container.state !== to;
      container.state = to;
      machine.changes.push(`${action} ${id}`);
      if (faults.has('docker-lost-answer')) throw failed({ outcome: 'unknown' });
      return { changed };
    });
  const restart = change('restart', 'running');
  const use: UseEngine = {
    running: ({ signal } = {}) =>
      ask(
        () => [
          {
            ...{ id: 'game', name: 'game', labels: { 'ondemand.idle.probe': 'busy' }, pid: 7 },
            ...{ network: 'own', addresses: [], gateways: [], ports: [80], published: [] },
          },
        ],
        signal,
      ),
    cpuTimes: (ids, { signal } = {}) =>
      ask(() => new Map(ids.map((id) => [id, machine.cpuNanoseconds()])), signal),
    probe: (_id, _argv, { signal }) =>
      ask(() => (machine.used.has('unknown') ? 7 : machine.used.has('probe') ? 0 : 1), signal),
  };
  return {
    list: ({ signal } = {}) =>
      ask(
        () =>
          [...machine.containers].map(
            ([name, { state }]): EngineContainer => ({
              ...{ id: name, name, state, image: name, ports: '', uptime: '', labels: {} },
            }),
          ),
        signal,
      ),
    start: change('start', 'running'),
    stop: change('stop', 'exited'),
    async restart(id) {
      await restart(id);
    },
    readVersion: ({ signal }) => ask(() => '28.3.3', signal),
    ...use,
    use,
  };
}

function failed(details: { readonly outcome?: string }): AppError {
  return new AppError('SERVICE_UNAVAILABLE', 'Docker on the VM failed', {
    text: 'Docker failed',
    details,
  });
}
