// What the engine knows of being used: which containers run and where, the CPU that each has used, and commands run inside one.

import type {
  CallOptions,
  Clock,
  EngineContainer,
  RunningContainer,
  UseEngine,
} from '../../adapter-ports.ts';
import { isAppError } from '../../app-error.ts';
import { pause } from '../../concurrency/deadline.ts';
import { createLimiter } from '../../concurrency/limiter.ts';
import { createSingleFlight } from '../../concurrency/single-flight.ts';
import { toLostError } from '../lost-response.ts';
import { type EngineTask, toAppError } from '../to-app-error.ts';
import type { EngineClient } from './http-client.ts';
import { LostAnswerError } from './http-request.ts';
import { type EngineReads, parseAnswer, toContainerPath } from './list-and-inspect.ts';
import {
  type ContainerUse,
  containerUseSchema,
  createdExecSchema,
  execSchema,
  statsSchema,
  wantedOfUse,
} from './schemas.ts';

export interface EngineUseOptions {
  readonly client: Pick<EngineClient, 'send'>;
  readonly reads: Pick<EngineReads, 'list' | 'ask' | 'askFor'>;
  readonly clock: Pick<Clock, 'elapsedMs'>;
}

export function createEngineUse({ client, reads, clock }: EngineUseOptions): UseEngine {
  /** Commands inside containers that had not ended when they were last seen. */
  const unended = new Map<string, string>();
  /** Those that are run now. */
  const probes = createSingleFlight({ deadlineMs: maxProbeMs, joinsRunning: true });

  return {
    async running({ signal } = {}) {
      const all = await reads.list({ signal });
      const known = new Set(all.map(({ id }) => id));
      for (const id of unended.keys()) if (!known.has(id)) unended.delete(id);
      const found = await forEach(
        all.filter(({ state }) => state === 'running'),
        async (container) => {
          const task: EngineTask = { operation: 'inspect', name: container.name };
          const path = `${toContainerPath(container.id)}/json`;
          const answer = await reads.askFor(useFilter, task, path, { signal, ...many });
          if (answer.status !== 200) throw toAppError(answer, task);
          return toRunning(container, parseAnswer(containerUseSchema, answer, task));
        },
        signal,
      );
      return found.filter((container) => container !== undefined);
    },
    async cpuTimes(ids, { signal } = {}) {
      const times = await forEach(
        ids,
        async (id) => {
          const task: EngineTask = { operation: 'stats', name: id };
          const path = `${toContainerPath(id)}/stats?stream=false&one-shot=true`;
          const answer = await reads.ask(task, path, { signal, headersTimeoutMs: 10_000, ...many });
          if (answer.status !== 200) throw toAppError(answer, task);
          const { cpu_stats: cpu } = parseAnswer(statsSchema, answer, task);
          return [id, cpu?.cpu_usage?.total_usage ?? 0] as const;
        },
        signal,
      );
      return new Map(times.filter((time) => time !== undefined));
    },
    probe: (id, argv, { timeoutMs, signal }) =>
      probes.read(
        `the probe of ${id}`,
        (shared) => probe(id, argv, { timeoutMs, signal: shared }),
        {
          signal,
        },
      ),
  };

  /** One that an earlier call left running must end first, within the same time. */
  async function probe(
    id: string,
    argv: readonly string[],
    { timeoutMs, signal }: { readonly timeoutMs: number } & CallOptions,
  ): Promise<number | undefined> {
    const deadlineMs = clock.elapsedMs() + timeoutMs;
    const before = unended.get(id);
    if (before !== undefined && (await waitForExit(before, deadlineMs, signal)) === undefined)
      return undefined;
    const exec = await create(id, argv, signal);
    unended.set(id, exec);
    await post(`/exec/${encodeURIComponent(exec)}/start`, { Detach: true }, { id, signal });
    const exitCode = await waitForExit(exec, deadlineMs, signal);
    if (exitCode !== undefined) unended.delete(id);
    return exitCode;
  }

  async function waitForExit(
    exec: string,
    deadlineMs: number,
    signal: AbortSignal | undefined,
  ): Promise<number | undefined> {
    for (let napMs = 20; ; napMs = Math.min(napMs * 2, 500)) {
      const exitCode = await readExit(exec, signal);
      if (exitCode !== undefined || clock.elapsedMs() + napMs >= deadlineMs) return exitCode;
      await pause(napMs, signal);
    }
  }

  async function create(id: string, argv: readonly string[], signal: AbortSignal | undefined) {
    const created = await post(`${toContainerPath(id)}/exec`, { Cmd: argv }, { id, signal });
    return parseAnswer(createdExecSchema, created, { operation: 'exec', name: id }).Id;
  }

  async function post(
    path: string,
    body: object,
    { id, signal }: { readonly id: string } & CallOptions,
  ) {
    const task: EngineTask = { operation: 'exec', name: id };
    try {
      const request = { operation: 'exec', method: 'POST', path, signal } as const;
      const answer = await client.send({ ...request, body: JSON.stringify(body) });
      if (answer.status >= 300) throw toAppError(answer, task);
      return answer;
    } catch (error) {
      throw error instanceof LostAnswerError ? toLostError(error, task) : error;
    }
  }

  /** `undefined` while it runs; one that the engine does not know any more has ended somehow. */
  async function readExit(
    exec: string,
    signal: AbortSignal | undefined,
  ): Promise<number | undefined> {
    const task: EngineTask = { operation: 'exec', name: exec };
    const answer = await reads.ask(task, `/exec/${encodeURIComponent(exec)}/json`, { signal });
    if (answer.status === 404) return unknownExit;
    if (answer.status !== 200) throw toAppError(answer, task);
    const { Running, ExitCode } = parseAnswer(execSchema, answer, task);
    return Running ? undefined : (ExitCode ?? unknownExit);
  }
}

const neverAborted = new AbortController().signal;
const unknownExit = 255;
/** Begins the network mode of one that uses another's network. */
const shares = 'container:';
/** Far above what callers give one. */
const maxProbeMs = 120_000;
const useFilter = { wanted: wantedOfUse };
const many = { queueTimeoutMs: 30_000 };

/** A few at a time, so that callers of the API are not kept waiting; `undefined` for a container that has gone meanwhile. */
async function forEach<Item, Result>(
  items: readonly Item[],
  ask: (item: Item) => Promise<Result | undefined>,
  signal: AbortSignal | undefined,
): Promise<(Result | undefined)[]> {
  const limiter = createLimiter(() => 16);
  return Promise.all(
    items.map(async (item) => {
      const release = await limiter.acquire(signal ?? neverAborted);
      try {
        return await ask(item);
      } catch (error) {
        if (isAppError(error, 'NOT_FOUND') || isAppError(error, 'CONFLICT')) return undefined;
        throw error;
      } finally {
        release();
      }
    }),
  );
}

function toRunning(
  { id, name, labels }: EngineContainer,
  { State, Config, HostConfig, NetworkSettings }: ContainerUse,
): RunningContainer | undefined {
  const { Running, Pid } = State;
  const pid = Number.isSafeInteger(Pid) ? Number(Pid) : 0;
  if (Running === false || pid <= 0) return undefined;
  const mode = HostConfig?.NetworkMode ?? '';
  const networks = Object.values(NetworkSettings?.Networks ?? {});
  return {
    id,
    name,
    labels,
    pid,
    network: mode === 'host' ? 'host' : mode.startsWith(shares) ? 'shared' : 'own',
    ...(mode.startsWith(shares) && { networkOwner: mode.slice(shares.length) }),
    addresses: toTexts(
      networks.flatMap((network) => [network?.IPAddress, network?.GlobalIPv6Address]),
    ),
    gateways: toTexts(networks.flatMap((network) => [network?.Gateway, network?.IPv6Gateway])),
    ports: Object.keys(Config?.ExposedPorts ?? {}).flatMap(toTcpPort),
    published: Object.entries(NetworkSettings?.Ports ?? {}).flatMap(([key, bindings]) =>
      toTcpPort(key).flatMap((port) =>
        (bindings ?? []).flatMap(({ HostPort }) =>
          toPort(HostPort).map((hostPort) => ({ port, hostPort })),
        ),
      ),
    ),
  };
}

function toTexts(values: readonly (string | null | undefined)[]): string[] {
  return values.filter((value) => typeof value === 'string').filter((value) => value !== '');
}

/** `80/tcp`, or `80` alone. */
function toTcpPort(key: string): number[] {
  const [number, protocol = 'tcp'] = key.split('/');
  return protocol === 'tcp' ? toPort(number) : [];
}

function toPort(text: string | null | undefined): number[] {
  const port = /^\d{1,5}$/.test(text ?? '') ? Number(text) : 0;
  return port > 0 && port < 65_536 ? [port] : [];
}
