// What callers do with the containers on the VM, and what they are told when the VM is the reason that it fails.

import { AppError, isAppError } from './errors.ts';
import {
  type Container,
  type ContainerAction,
  type ContainerActionResult,
  type ContainerLogs,
  defaultLogLines,
} from './model/container.ts';
import { vmId } from './model/vm.ts';
import type { CallOptions, Clock, Compute, Engine, EngineContainer, Link } from './ports.ts';
import { createSharedReads } from './shared-read.ts';
import { createVmReach } from './vm-reach.ts';

export interface ContainersOptions {
  readonly engine: Engine;
  /** Rebuilds a container from its compose labels; resolves once it is up. */
  readonly rebuild: (container: EngineContainer, options?: CallOptions) => Promise<void>;
  readonly compute: Compute;
  readonly link: Link;
  readonly clock: Clock;
}

/** `name` is a container's name, its id, or the beginning of an id. Every call throws `NOT_FOUND`, `CONFLICT` and `SERVICE_UNAVAILABLE`, the latter with `details.lifecycleState` when the VM does not run. */
export interface Containers {
  /** All containers in all states, sorted by name. */
  list(options?: CallOptions): Promise<Container[]>;
  status(name: string, options?: CallOptions): Promise<Container>;
  start(name: string, options?: CallOptions): Promise<ContainerActionResult>;
  stop(name: string, options?: CallOptions): Promise<ContainerActionResult>;
  restart(name: string, options?: CallOptions): Promise<ContainerActionResult>;
  /** Throws `INTERNAL_ERROR` with `details.exitCode` and `details.output` when the build fails. */
  rebuild(name: string, options?: CallOptions): Promise<ContainerActionResult>;
  /** The last `lines` lines (100), stdout and stderr in the order they were written. */
  logs(name: string, options?: { readonly lines?: number } & CallOptions): Promise<ContainerLogs>;
}

/**
 * Builds the container service. Reads of the same thing at the same time share one call to Docker; an action is visible to every read that begins after it.
 * An action that was sent is seen through when its caller leaves.
 *
 * @example
 * const containers = createContainers({ engine, rebuild, compute, link, clock });
 * await containers.restart('nginx');
 */
export function createContainers({
  engine,
  rebuild,
  compute,
  link,
  clock,
}: ContainersOptions): Containers {
  const reads = createSharedReads({ clock, deadlineMs: 60_000 });
  const vm = createVmReach({ compute, link });

  return {
    async list(options) {
      const found = await listAll(options);
      return found.map(toCallersView).sort((a, b) => compareText(a.name, b.name));
    },
    async status(name, options) {
      return toCallersView(select(await listAll(options), name));
    },
    start: (name, options) => act('start', name, options, ({ id }) => engine.start(id)),
    stop: (name, options) => act('stop', name, options, ({ id }) => engine.stop(id)),
    restart: (name, options) =>
      act('restart', name, options, async ({ id }) => {
        await engine.restart(id);
        return { changed: true };
      }),
    rebuild: (name, options) =>
      act('rebuild', name, options, async (container) => {
        await rebuild(container, options);
        return { changed: true };
      }),
    async logs(name, { lines = defaultLogLines, signal } = {}) {
      const container = select(await listAll({ signal }), name);
      const read = (flight: AbortSignal) =>
        vm.reach((reaching) => engine.logs(container.id, { lines, signal: reaching }), flight);
      const logs = await reads
        .read(`the last ${lines} lines of ${container.id}`, read, { signal })
        .catch(naming(name));
      return { container: container.name, lines, logs };
    },
  };

  function listAll({ signal }: CallOptions = {}): Promise<readonly EngineContainer[]> {
    const list = (flight: AbortSignal) =>
      vm.reach((reaching) => engine.list({ signal: reaching }), flight);
    return reads.read('the list of containers', list, { signal });
  }

  async function act(
    action: ContainerAction,
    name: string,
    { signal }: CallOptions = {},
    run: (container: EngineContainer) => Promise<{ readonly changed: boolean }>,
  ): Promise<ContainerActionResult> {
    reads.invalidate();
    const container = select(await listAll({ signal }), name);
    try {
      const { changed } = await vm.explain(() => run(container));
      return { container: container.name, action, status: 'success', changed };
    } catch (error) {
      throw naming(name)(error);
    } finally {
      reads.invalidate();
    }
  }
}

/** As Docker finds one: by full id, by name, by the beginning of an id that no other id shares. */
function select(all: readonly EngineContainer[], name: string): EngineContainer {
  const exact = all.find(({ id }) => id === name) ?? all.find((each) => each.name === name);
  if (exact !== undefined) return exact;
  const [only, ...others] = all.filter(({ id }) => id.startsWith(name));
  if (only === undefined) throw notFound(name);
  if (others.length === 0) return only;
  throw new AppError(
    'CONFLICT',
    `The ids of ${others.length + 1} containers on ${vmId} begin with '${name}'; give more of it, or the name`,
    { details: { name } },
  );
}

function toCallersView({ name, state, image, ports, uptime }: EngineContainer): Container {
  return { name, state, image, ports, uptime };
}

/** A container that went away between two calls is missing by the name it was asked for, not by its id. */
function naming(name: string): (error: unknown) => never {
  return (error) => {
    throw isAppError(error, 'NOT_FOUND') ? notFound(name, error) : error;
  };
}

function notFound(name: string, cause?: unknown): AppError {
  return new AppError('NOT_FOUND', `No container named '${name}' on ${vmId}`, {
    details: { name },
    cause,
  });
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
