// The sandbox's Docker Engine: containers in memory behind the real HTTP API on a unix socket, with hooks for tests.

import { connect, type Socket } from 'node:net';
import type { Faults } from '../faults.ts';
import { ApiError } from './api-error.ts';
import {
  type ContainerInit,
  createContainer,
  isActive,
  type SandboxContainer,
  setCpu,
} from './container.ts';
import { createEvents } from './events.ts';
import { createLifecycle, type Lifecycle, nameInUse } from './lifecycle.ts';
import type { LogStream } from './logs/log.ts';
import { createNanoClock, millisToNanos, type NanoClock, type NanoTime } from './logs/nano-time.ts';
import { createRoutes, findContainer } from './routes.ts';
import { createEngineServer, type EngineRequest } from './server.ts';
import type { Random } from './simulated-log-lines.ts';
import { createProcesses } from './simulated-programs.ts';
import type { EngineVersion } from './views/to-info.ts';
import { networkIdOf } from './views/to-list-item.ts';

/** What a test may look at and turn. */
export interface SandboxEngine {
  /** All containers, in no order; the objects are live. */
  readonly containers: readonly SandboxContainer[];
  /** By name, id or prefix of the id. */
  find(reference: string): SandboxContainer | undefined;
  /** A new container, running unless told otherwise. Throws `ApiError` 409 for a name in use. */
  add(init: ContainerInit): SandboxContainer;
  /** Kills and removes a container; nothing for one that is not there. */
  remove(reference: string): void;
  /** Writes to a container's log as its program would; without a newline it stays pending. */
  appendLog(
    reference: string,
    stream: LogStream,
    text: string | Uint8Array,
    options?: { readonly time?: Date | NanoTime },
  ): void;
  /** From now on it uses so much of one core, beside the little that it always does. */
  setCpu(reference: string, percent: number): void;
  /** The last requests, oldest first, 10 000 at most. */
  readonly requests: readonly EngineRequest[];
  /** How often a route was asked for, e.g. `GET /containers/json`; all of them without one. */
  count(route?: string): number;
  forgetRequests(): void;
  /** Settable while it runs; counts from the next request on. */
  readonly version: EngineVersion;
  /** While false no container writes to its log of its own accord. */
  chatty: boolean;
  /** How long a sample of statistics takes: a second, as Docker's. */
  sampleMs: number;
  /** Open connections to the API. */
  readonly connections: number;
  /** As `systemctl restart docker`: running containers stop, connections end, those with a policy come back. Resolves when the API answers again. */
  restartDaemon(options?: { readonly downMs?: number }): Promise<void>;
  /** The unix socket on this machine, for looking around with a real `docker -H unix://…`; there only while the VM is on. */
  readonly socketPath: string;
}

/** What the rest of the VM needs besides. */
export interface EngineControl extends SandboxEngine, AsyncDisposable {
  readonly lifecycle: Lifecycle;
  /** Starts the daemon: the first time it finds everything as it was left, later it brings back what has a policy. */
  boot(): Promise<void>;
  /** Pulls the plug. */
  halt(): Promise<void>;
  /** A connection to the API. Rejects with `ENOENT`, `EACCES` or `ECONNREFUSED` where the VM's socket would. */
  connect(): Promise<Socket>;
}

export interface EngineOptions {
  readonly socketPath: string;
  readonly faults: Faults;
  readonly clock?: NanoClock;
  readonly random?: Random;
}

const maxRequests = 10_000;
const talkEveryMs = 200;

/** An engine without containers, not booted. */
export function createEngine(options: EngineOptions): EngineControl {
  const { socketPath, faults, clock = createNanoClock(), random = Math.random } = options;
  const containers = new Map<string, SandboxContainer>();
  const version: EngineVersion = { api: '1.51', minApi: '1.24', engine: '28.3.3' };
  const counts = new Map<string, number>();
  let requests: EngineRequest[] = [];
  let generation = 0;
  let up = false;
  let booted = false;
  let chatty = true;
  let sampleMs = 1000;
  let talk: NodeJS.Timeout | undefined;
  const nextTalk = new Map<string, NanoTime>();

  const events = createEvents(clock);
  const emit = (
    container: SandboxContainer,
    action: string,
    attributes: Readonly<Record<string, string>> = {},
  ): void => {
    const { image, labels, network } = container.spec;
    const { id, name } = container;
    const own = { ...labels, ...attributes, image, name };
    const link = { container: id, name: network, type: 'bridge' };
    const networkId = networkIdOf(container);
    const tell = (type: string, what: string, actor: string, facts: Record<string, string>): void =>
      events.emit({ type, action: what, id: actor, attributes: facts, time: clock() });
    if (action === 'start') tell('network', 'connect', networkId, link);
    tell('container', action, id, own);
    if (action === 'die') tell('network', 'disconnect', networkId, link);
  };
  const processes = createProcesses({ clock, emit });
  const lifecycle = createLifecycle({
    containers,
    processes,
    clock,
    emit,
    generation: () => generation,
  });
  const server = createEngineServer({
    socketPath,
    version,
    faults: faults.docker,
    routes: createRoutes({
      ...{ containers, lifecycle, events, clock, version },
      sampleMs: () => sampleMs,
    }),
    onRequest(request) {
      requests.push(request);
      if (requests.length > maxRequests * 1.25) requests = requests.slice(-maxRequests);
      counts.set(request.route, (counts.get(request.route) ?? 0) + 1);
    },
  });
  // A daemon that is down has no connections either.
  const stopWatching = faults.onChange((area) => {
    if (area === 'docker' && faults.docker.socketMissing) server.cut();
  });

  const find = (reference: string): SandboxContainer | undefined => {
    try {
      return findContainer(containers.values(), reference);
    } catch {
      return undefined;
    }
  };
  const talkNow = (): void => {
    if (!chatty) return;
    const now = clock();
    for (const container of containers.values()) {
      const { activity } = container.spec.behaviour;
      if (activity === undefined || container.status !== 'running') continue;
      const due = nextTalk.get(container.id);
      const { min, max } = activity.everyMs;
      if (due === undefined || due <= now) {
        nextTalk.set(container.id, now + millisToNanos(min + random() * (max - min)));
      }
      if (due !== undefined && due <= now) processes.say(container, activity.next(new Date()));
    }
  };
  const down = async (): Promise<void> => {
    generation += 1;
    up = false;
    clearInterval(talk);
    for (const container of containers.values()) processes.forget(container);
    await server.close();
  };
  const boot = async (): Promise<void> => {
    if (up) return;
    up = true;
    for (const container of containers.values()) {
      if (booted) recover(container);
      else processes.adopt(container);
    }
    booted = true;
    talk = setInterval(talkNow, talkEveryMs).unref();
    await server.open();
  };
  const recover = (container: SandboxContainer): void => {
    // Nobody saw it end: dockerd then says 255.
    if (isActive(container.status)) processes.exit(container, 255, { final: true });
    if (comesBack(container)) processes.launch(container);
  };

  return {
    lifecycle,
    version,
    socketPath,
    get containers() {
      return [...containers.values()];
    },
    get requests() {
      return requests.slice(-maxRequests);
    },
    get connections() {
      return server.connections;
    },
    get chatty() {
      return chatty;
    },
    set chatty(wanted) {
      chatty = wanted;
    },
    get sampleMs() {
      return sampleMs;
    },
    set sampleMs(wanted) {
      sampleMs = wanted;
    },
    find,
    add(init) {
      const owner = [...containers.values()].find((container) => container.name === init.name);
      if (owner !== undefined) throw new ApiError(409, nameInUse(init.name, owner.id));
      const container = createContainer(init, clock());
      containers.set(container.id, container);
      emit(container, 'create');
      if (up) processes.adopt(container);
      return container;
    },
    setCpu(reference, percent) {
      setCpu(findContainer(containers.values(), reference), percent, clock());
    },
    remove(reference) {
      const container = find(reference);
      if (container !== undefined) lifecycle.remove(container, { force: true });
    },
    appendLog(reference, stream, text, { time } = {}) {
      const container = findContainer(containers.values(), reference);
      const at = time instanceof Date ? millisToNanos(time.getTime()) : (time ?? clock());
      container.log.append(stream, text, at);
    },
    count(route) {
      if (route !== undefined) return counts.get(route) ?? 0;
      return [...counts.values()].reduce((sum, count) => sum + count, 0);
    },
    forgetRequests() {
      requests = [];
      counts.clear();
    },
    boot,
    halt: down,
    async restartDaemon({ downMs = 200 } = {}) {
      if (!up) throw new Error('the VM is off: power it on before restarting its Docker daemon');
      for (const container of containers.values()) {
        if (!isActive(container.status)) continue;
        processes.exit(container, container.spec.behaviour.stopExitCode ?? 143, { final: true });
      }
      await down();
      const own = generation;
      await new Promise((resolve) => setTimeout(resolve, downMs));
      if (generation === own) await boot();
    },
    connect() {
      const code = refusal(faults);
      if (code !== undefined) return Promise.reject(systemError(code, socketPath));
      return new Promise((resolve, reject) => {
        const socket = connect({ path: socketPath, allowHalfOpen: true });
        socket.once('error', reject);
        socket.once('connect', () => {
          socket.off('error', reject);
          resolve(socket);
        });
      });
    },
    async [Symbol.asyncDispose]() {
      stopWatching();
      await down();
    },
  };
}

function comesBack({
  spec,
  exitCode,
  manuallyStopped,
  startedAt,
  status,
}: SandboxContainer): boolean {
  if (startedAt === 0n || isActive(status)) return false;
  switch (spec.restart.name) {
    case 'always':
      return true;
    case 'unless-stopped':
      return !manuallyStopped;
    case 'on-failure':
      return !manuallyStopped && exitCode !== 0;
    case 'no':
      return false;
  }
}

function refusal({ docker }: Faults): 'ENOENT' | 'EACCES' | undefined {
  if (docker.socketMissing) return 'ENOENT';
  return docker.socketDenied ? 'EACCES' : undefined;
}

function systemError(code: string, path: string): Error {
  return Object.assign(new Error(`connect ${code} ${path}`), { code });
}
