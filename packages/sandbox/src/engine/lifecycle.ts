// What the Engine API does to a container: start, stop, restart, kill, pause, remove, rename, with dockerd's refusals.

import { ApiError } from './api-error.ts';
import { isActive, type SandboxContainer } from './container.ts';
import type { NanoClock } from './logs/nano-time.ts';
import type { Processes } from './simulated-programs.ts';
import { hostIpsOf } from './views/to-list-item.ts';

export interface StopOptions {
  /** Before SIGKILL; 10 by default, -1 without limit. */
  readonly timeoutSeconds?: number | undefined;
  readonly signal?: string | undefined;
}

/** `false` where the API answers 304. Throws `ApiError` for what dockerd refuses. */
export interface Lifecycle {
  start(container: SandboxContainer): Promise<boolean>;
  stop(container: SandboxContainer, options?: StopOptions): Promise<boolean>;
  restart(container: SandboxContainer, options?: StopOptions): Promise<void>;
  kill(container: SandboxContainer, signal: string): Promise<void>;
  pause(container: SandboxContainer): void;
  unpause(container: SandboxContainer): void;
  remove(container: SandboxContainer, options: { readonly force: boolean }): void;
  rename(container: SandboxContainer, name: string): void;
}

export interface LifecycleOptions {
  readonly containers: Map<string, SandboxContainer>;
  readonly processes: Processes;
  readonly clock: NanoClock;
  /** Changes whenever the engine goes down: what was under way then has no outcome. */
  readonly generation: () => number;
  readonly emit: (
    container: SandboxContainer,
    action: string,
    attributes?: Readonly<Record<string, string>>,
  ) => void;
}

const signalNumbers: Readonly<Record<string, number>> = {
  HUP: 1,
  INT: 2,
  QUIT: 3,
  KILL: 9,
  USR1: 10,
  USR2: 12,
  TERM: 15,
  WINCH: 28,
};
const endingSignals = new Set([2, 3, 9, 15]);

/** Acts on the containers of one engine. */
export function createLifecycle(options: LifecycleOptions): Lifecycle {
  const { containers, processes, emit } = options;
  const starting = new Map<string, Promise<void>>();

  /** Waits and then insists that the engine is still the same one. */
  const survive = async (wait: Promise<unknown>): Promise<void> => {
    const generation = options.generation();
    await wait;
    if (options.generation() !== generation) throw new ApiError(500, 'daemon is shutting down');
  };
  const launch = async (container: SandboxContainer): Promise<void> => {
    const { startTakesMs = 40 } = container.spec.behaviour;
    const startError = container.spec.behaviour.startError ?? portConflict(container, containers);
    await survive(new Promise((resolve) => setTimeout(resolve, startTakesMs).unref()));
    if (startError !== undefined) {
      container.exitCode = 128;
      container.error = startError;
      throw new ApiError(500, startError);
    }
    if (containers.get(container.id) === container) processes.launch(container);
  };
  const start = async (container: SandboxContainer): Promise<boolean> => {
    if (container.status === 'paused') {
      throw new ApiError(409, 'cannot start a paused container, try unpause instead');
    }
    if (container.status === 'removing' || container.status === 'dead') {
      throw new ApiError(409, 'container is marked for removal and cannot be started');
    }
    if (isActive(container.status)) return false;
    const underWay = starting.get(container.id);
    if (underWay !== undefined) {
      await underWay;
      return false;
    }
    container.manuallyStopped = false;
    container.restartCount = 0;
    const work = launch(container);
    starting.set(container.id, work);
    try {
      await work;
    } finally {
      starting.delete(container.id);
    }
    return true;
  };
  const send = (container: SandboxContainer, number: number): void => {
    emit(container, 'kill', { signal: String(number) });
    if (container.status === 'paused') unpause(container);
  };
  /** The stop signal, the grace period, SIGKILL; done when the program has ended. */
  const end = async (container: SandboxContainer, stop: StopOptions): Promise<void> => {
    const ended = processes.ended(container);
    const { behaviour, stopSignal } = container.spec;
    const number = toSignalNumber(stop.signal ?? stopSignal);
    const { stopTakesMs = 150, ignoresStop = false } = behaviour;
    const graceMs = (stop.timeoutSeconds ?? 10) * 1_000;
    send(container, number);
    processes.say(container, behaviour.activity?.stopping(new Date()) ?? []);
    if (!ignoresStop && (graceMs < 0 || stopTakesMs <= graceMs)) {
      const exitCode = behaviour.stopExitCode ?? 128 + number;
      processes.after(container, stopTakesMs, () =>
        processes.exit(container, exitCode, { final: true }),
      );
    } else if (graceMs >= 0) {
      processes.after(container, graceMs, () => {
        send(container, 9);
        processes.exit(container, 137, { final: true });
      });
    }
    await survive(ended);
  };
  const stop = async (container: SandboxContainer, how: StopOptions = {}): Promise<boolean> => {
    await starting.get(container.id)?.catch(() => {});
    if (!isActive(container.status)) return false;
    container.manuallyStopped = true;
    if (container.status === 'restarting') {
      processes.forget(container);
      container.status = 'exited';
    } else {
      await end(container, how);
    }
    emit(container, 'stop');
    return true;
  };
  const unpause = (container: SandboxContainer): void => {
    if (container.status !== 'paused') {
      throw new ApiError(500, `Container ${container.id} is not paused`);
    }
    container.status = 'running';
    emit(container, 'unpause');
  };

  return {
    start,
    stop,
    async restart(container, how) {
      await stop(container, how);
      await start(container);
      emit(container, 'restart');
    },
    async kill(container, signal) {
      const number = toSignalNumber(signal);
      if (!isActive(container.status) || container.status === 'restarting') {
        const message = `cannot kill container: ${container.name}: container ${container.id} is not running`;
        throw new ApiError(409, message);
      }
      const ended = processes.ended(container);
      send(container, number);
      const { ignoresStop, stopTakesMs = 150, stopExitCode } = container.spec.behaviour;
      if (!endingSignals.has(number) || (ignoresStop && number !== 9)) return;
      container.manuallyStopped = true;
      const exitCode = number === 9 ? 137 : (stopExitCode ?? 128 + number);
      processes.after(container, number === 9 ? 10 : stopTakesMs, () =>
        processes.exit(container, exitCode, { final: true }),
      );
      if (number === 9) await ended;
    },
    pause(container) {
      if (container.status === 'paused') {
        throw new ApiError(409, `Container ${container.id} is already paused`);
      }
      if (container.status !== 'running') {
        throw new ApiError(409, `Container ${container.id} is not running`);
      }
      container.status = 'paused';
      emit(container, 'pause');
    },
    unpause,
    remove(container, { force }) {
      if (isActive(container.status)) {
        if (!force) throw new ApiError(409, cannotRemove(container));
        emit(container, 'kill', { signal: '9' });
        processes.exit(container, 137, { final: true });
      }
      processes.forget(container);
      container.log.endRun(options.clock());
      containers.delete(container.id);
      emit(container, 'destroy');
    },
    rename(container, name) {
      if (!/^\/?[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(name)) {
        const rule = 'only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed';
        throw new ApiError(400, `Invalid container name (${name}), ${rule}`);
      }
      const plain = name.replace(/^\//, '');
      const owner = [...containers.values()].find((other) => other.name === plain);
      if (owner !== undefined) throw new ApiError(409, nameInUse(plain, owner.id));
      const oldName = `/${container.name}`;
      container.name = plain;
      emit(container, 'rename', { oldName });
    },
  };
}

/** dockerd's words for a name that another container has. */
export function nameInUse(name: string, ownerId: string): string {
  return `Conflict. The container name "/${name}" is already in use by container "${ownerId}". You have to remove (or rename) that container to be able to reuse that name.`;
}

function cannotRemove(container: SandboxContainer): string {
  const why =
    container.status === 'paused'
      ? 'container is paused and must be unpaused first'
      : `container is ${container.status}: stop the container before removing or force remove`;
  return `cannot remove container "/${container.name}": ${why}`;
}

/** dockerd's words for a host port that a running container holds already. */
function portConflict(
  container: SandboxContainer,
  containers: ReadonlyMap<string, SandboxContainer>,
): string | undefined {
  const held = [...containers.values()]
    .filter((other) => other !== container && ['running', 'paused'].includes(other.status))
    .flatMap(({ spec }) => spec.ports);
  const wanted = container.spec.ports.find(
    ({ hostPort, protocol }) =>
      hostPort !== undefined &&
      held.some((port) => port.hostPort === hostPort && port.protocol === protocol),
  );
  if (wanted === undefined) return undefined;
  const [ip] = hostIpsOf(wanted);
  return `driver failed programming external connectivity on endpoint ${container.name} (${container.id}): Bind for ${ip}:${wanted.hostPort} failed: port is already allocated`;
}

function toSignalNumber(signal: string): number {
  const name = signal.toUpperCase().replace(/^SIG/, '');
  const number = signalNumbers[name] ?? (/^\d+$/.test(name) ? Number(name) : undefined);
  if (number === undefined || number < 1 || number > 64) {
    throw new ApiError(400, `invalid signal: ${signal}`);
  }
  return number;
}
