// The container service: reads and actions on the VM's containers; failures caused by the VM's state say so.

import type {
  CallOptions,
  Clock,
  Compute,
  Engine,
  EngineContainer,
  JobCaller,
  Link,
  ReadOptions,
} from '../adapter-ports.ts';
import { AppError, isAppError } from '../app-error.ts';
import { badRequest } from '../bad-request.ts';
import { createSingleFlight } from '../concurrency/single-flight.ts';
import type { Jobs } from '../jobs/jobs.ts';
import { toRebuildResult } from '../jobs/rebuild-result.ts';
import { createLogFollower, type FollowedLine, type FollowOptions } from '../logs/follower.ts';
import type { Container, ContainerAction, ContainerActionResult } from '../model/container.ts';
import { containerMissing } from '../model/container-not-found.ts';
import { defaultLogLines } from '../model/defaults-limits-timeouts.ts';
import type { ContainerInspection, ContainerStats } from '../model/inspection.ts';
import type { CountBytes, LogText } from '../model/log-text-in-pieces.ts';
import type { Resumable } from '../model/resumable-stream.ts';
import { vmId } from '../model/vm.ts';
import { createVmReach } from '../vm/require-running.ts';

export interface ContainersOptions {
  readonly engine: Engine;
  readonly jobs: Pick<Jobs, 'startRebuild' | 'wait'>;
  readonly compute: Compute;
  readonly link: Link;
  readonly clock: Clock;
  /** How long a rebuild is waited for when its caller does not say; as long as `jobs` waits if left out. */
  readonly rebuildWaitMs?: number | undefined;
  /** Aborted when this process ends: whoever waits for a rebuild is told of its job then, and the job goes on. */
  readonly closing?: AbortSignal | undefined;
}

/** `name` is a container's name, its id, or the beginning of an id. Every call throws `NOT_FOUND`, `CONFLICT` and `SERVICE_UNAVAILABLE`, the latter with `details.lifecycleState` when the VM does not run. */
export interface Containers {
  /** All containers in all states, sorted by name. */
  list(options?: ReadOptions): Promise<Container[]>;
  status(name: string, options?: ReadOptions): Promise<Container>;
  start(name: string, options?: CallOptions): Promise<ContainerActionResult>;
  stop(name: string, options?: CallOptions): Promise<ContainerActionResult>;
  restart(name: string, options?: CallOptions): Promise<ContainerActionResult>;
  /**
   * A job on the VM. Resolves once that has ended, or with `status` `'initiated'` once `waitMs` have passed since the call (0: once it has begun) or this process ends.
   * Throws `INTERNAL_ERROR` with `details.exitCode` and `details.output` when the build fails, and `CONFLICT` with `details.job` while another one of its project runs.
   */
  rebuild(name: string, options?: RebuildOptions): Promise<ContainerActionResult>;
  /** The last `lines` lines (100), stdout and stderr in the order they were written. */
  logs(name: string, options?: ReadLogsOptions): Promise<ReadLogs>;
  /**
   * The log as it grows, every line once, over restarts and rebuilds of the container and losses of the connection. Resolves once Docker answers.
   * The iteration throws `NOT_FOUND` when the container is gone for good and `SERVICE_UNAVAILABLE` when the VM is off or stays out of reach.
   */
  followLogs(name: string, options?: FollowOptions): Promise<Resumable<readonly FollowedLine[]>>;
  /** Never with a value of its environment. */
  inspect(name: string, options?: ReadOptions): Promise<ContainerInspection>;
  stats(name: string, options?: ReadOptions): Promise<ContainerStats>;
}

export interface RebuildOptions extends CallOptions {
  readonly waitMs?: number;
  /** How much of that the caller has waited already. */
  readonly spentMs?: number;
  readonly by?: JobCaller;
}

export interface ReadLogsOptions extends ReadOptions {
  readonly lines?: number;
  /** Of more, the newest lines that fit. */
  readonly maxBytes?: number | undefined;
  /** Where what is held while it is read is counted; what `add` throws ends the reading. */
  readonly openCharge?: (() => ByteCharge) | undefined;
}

export interface ByteCharge {
  readonly add: CountBytes;
  /** Releases all that was added. */
  readonly release: () => void;
}

export interface ReadLogs {
  readonly container: string;
  /** How many were asked for. */
  readonly lines: number;
  readonly logs: LogText;
}

/**
 * Builds the container service. Reads of the same thing at the same time share one call to Docker, which is sent after they came: so an action is visible to every read that begins after it, through any process of the API.
 * An action that was sent is seen through when its caller leaves.
 *
 * @example
 * const containers = createContainers({ engine, jobs, compute, link, clock });
 * await containers.restart('nginx');
 */
export function createContainers({
  engine,
  jobs,
  compute,
  link,
  clock,
  rebuildWaitMs,
  closing,
}: ContainersOptions): Containers {
  const reads = createSingleFlight({ deadlineMs: 60_000 });
  const vm = createVmReach({ compute, link });
  const followLogs = createLogFollower({
    engine,
    reach: vm.reach,
    clock,
    find: async (name, options) => select(await listOf(name, options), name),
  });

  return {
    async list(options) {
      const found = await listAll(options);
      return found.map(toCallersView).sort((a, b) => compareText(a.name, b.name));
    },
    async status(name, options) {
      return toCallersView(select(await listOf(name, options), name));
    },
    start: (name, options) => act('start', name, options, ({ id }) => engine.start(id)),
    stop: (name, options) => act('stop', name, options, ({ id }) => engine.stop(id)),
    restart: (name, options) =>
      act('restart', name, options, async ({ id }) => {
        await engine.restart(id);
        return { changed: true };
      }),
    rebuild(name, { waitMs = rebuildWaitMs, spentMs = 0, by, signal } = {}) {
      const calledAtMs = clock.elapsedMs() - spentMs;
      return act('rebuild', name, { signal }, async (container) => {
        const before = await listAll({ signal });
        const { id: job } = await jobs.startRebuild(container, { all: before, by, signal });
        const timeoutMs = waitMs && Math.max(0, waitMs - (clock.elapsedMs() - calledAtMs));
        const ended = timeoutMs !== 0 && (await waitForJob(job, { timeoutMs, signal }));
        if (!ended) return { status: 'initiated', job };
        const after = await listAll({ signal }).catch(() => undefined);
        if (after === undefined) return { changed: true, job }; // it was done, whatever came next
        return { ...toRebuildResult({ container, before, after, output: ended.output }), job };
      });
    },
    async logs(name, { lines = defaultLogLines, maxBytes, openCharge, ...caller } = {}) {
      const container = select(await listOf(name, caller), name);
      const read = (shared: AbortSignal) =>
        vm.reach(async (reaching) => {
          const charge = openCharge?.();
          try {
            const countBytes = charge && withDeposit(charge.add, lines);
            const counted = { lines, maxBytes, countBytes, signal: reaching };
            return await engine.logs(container.id, counted);
          } finally {
            charge?.release();
          }
        }, shared);
      const key = `the last ${lines} lines of ${container.id} in ${maxBytes ?? 'all its'} bytes`;
      const logs = await reads.read(key, read, caller).catch(naming(name, container.id));
      return { container: container.name, lines, logs };
    },
    followLogs,
    inspect: (name, options) => read('the inspection', name, options, engine.inspect),
    stats: (name, options) => read('the statistics', name, options, engine.stats),
  };

  async function waitForJob(
    job: string,
    { timeoutMs, signal }: { readonly timeoutMs: number | undefined } & CallOptions,
  ) {
    const ends = [signal, closing].filter((each) => each !== undefined);
    const end = ends.length > 1 ? AbortSignal.any(ends) : ends[0];
    return jobs.wait(job, { timeoutMs, signal: end }).catch((error: unknown) => {
      if (closing?.aborted && !signal?.aborted) return undefined;
      throw error;
    });
  }

  async function read<T>(
    what: string,
    name: string,
    caller: ReadOptions = {},
    ask: (id: string, options: CallOptions) => Promise<T>,
  ): Promise<T> {
    const { id } = select(await listOf(name, caller), name);
    const work = (shared: AbortSignal) =>
      vm.reach((reaching) => ask(id, { signal: reaching }), shared);
    return reads.read(`${what} of ${id}`, work, caller).catch(naming(name, id));
  }

  function listAll(caller: ReadOptions = {}): Promise<readonly EngineContainer[]> {
    return readList('the list of containers', undefined, caller);
  }

  /** Those that may be meant: the labels of others are no burden to it. */
  function listOf(name: string, caller: ReadOptions = {}): Promise<readonly EngineContainer[]> {
    return readList(`the container ${name}`, name, caller);
  }

  function readList(key: string, name: string | undefined, caller: ReadOptions) {
    const list = (shared: AbortSignal, onSend: () => void) =>
      vm.reach((reaching) => engine.list({ name, signal: reaching, onSend }), shared);
    return reads.read(key, list, { ...caller, reportsSend: true });
  }

  async function act(
    action: ContainerAction,
    name: string,
    { signal }: CallOptions = {},
    run: (container: EngineContainer) => Promise<Omit<Partial<ContainerActionResult>, 'action'>>,
  ): Promise<ContainerActionResult> {
    const container = select(await listOf(name, { signal }), name);
    try {
      const result = await vm.explain(() => run(container));
      return { container: container.name, action, status: 'success', ...result };
    } catch (error) {
      throw naming(name, container.id)(error);
    }
  }
}

/** Counts some bytes before any has come: so a caller has few long logs read at the same time, whatever they hold. */
function withDeposit(add: CountBytes, lines: number): CountBytes {
  const deposit = Math.min(lines * 1024, 4 * 1024 * 1024);
  let held = 0;
  let counted = deposit;
  add(deposit);
  return (bytes) => {
    held += bytes;
    const due = Math.max(deposit, held);
    if (due === counted) return;
    add(due - counted);
    counted = due;
  };
}

/** As Docker finds one: by full id, by name, by the beginning of an id that no other id shares. */
function select(all: readonly EngineContainer[], name: string): EngineContainer {
  const exact = all.find(({ id }) => id === name) ?? all.find((each) => each.name === name);
  if (exact !== undefined) return exact;
  const [only, ...others] = all.filter(({ id }) => id.startsWith(name));
  if (only === undefined) throw containerMissing(name);
  if (others.length === 0) return only;
  throw badRequest(
    'name',
    `'${name}' is how the ids of ${others.length + 1} containers on ${vmId} begin; give more of it, or the name`,
  );
}

function toCallersView({ name, state, image, ports, uptime }: EngineContainer): Container {
  return { name, state, image, ports, uptime };
}

/** Errors name the container as the caller did, not by its id. */
function naming(name: string, id: string): (error: unknown) => never {
  return (error) => {
    if (isAppError(error, 'NOT_FOUND')) throw containerMissing(name, error);
    if (!isAppError(error) || name === id || !error.message.includes(id)) throw error;
    const { code, text, details } = error;
    throw new AppError(code, error.message.replaceAll(id, name), {
      text,
      details: details.name === id ? { ...details, name } : details,
      cause: error,
    });
  };
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
