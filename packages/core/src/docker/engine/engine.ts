// The Engine port over Docker's Engine API: containers in, containers out.

import type {
  CallOptions,
  Clock,
  DockerFacts,
  Engine,
  EnvironmentWords,
  UseEngine,
} from '../../adapter-ports.ts';
import { systemClock } from '../../concurrency/clock.ts';
import { createEngineFollow } from '../logs/follow.ts';
import { createEngineLogs } from '../logs/read.ts';
import { type EngineTask, toAppError } from '../to-app-error.ts';
import { createEngineActions } from './actions.ts';
import { createEngineUse } from './container-use-for-idle-stop.ts';
import { createEngineEvents } from './events.ts';
import { createEngineClient, type EngineClientOptions } from './http-client.ts';
import { createEngineInspect } from './inspect.ts';
import { createEngineReads, parseAnswer } from './list-and-inspect.ts';
import { versionSchema } from './schemas.ts';
import { createEngineStats } from './stats.ts';

export interface EngineOptions extends EngineClientOptions {
  readonly clock?: Clock;
}

export interface DockerEngine extends Engine, AsyncDisposable {
  /** Docker's own version, such as `28.3.3`; connects for it. Throws `SERVICE_UNAVAILABLE`. */
  readVersion(options?: CallOptions): Promise<string>;
  /** The same, with the way to it and what was agreed on. */
  readFacts(options?: CallOptions): Promise<DockerFacts>;
  /** The words that repeat a value of the container's environment, the longest first: for `createHiding`. Throws `NOT_FOUND`. */
  readSecrets(id: string, options?: CallOptions): Promise<EnvironmentWords>;
  /** For the idle stop. */
  readonly use: UseEngine;
}

/**
 * Builds the engine on the VM; opens nothing before its first call.
 * Throws `NOT_FOUND`, `CONFLICT` (paused, being removed, dead, a port taken), `INTERNAL_ERROR` (a container that cannot start as it is configured)
 * and `SERVICE_UNAVAILABLE`. When an action's answer was lost, the container is checked: the action succeeds only when its effect is seen.
 *
 * @example
 * await using engine = createEngine({ channels, socketPath: '/var/run/docker.sock' });
 * const containers = await engine.list();
 */
export function createEngine(options: EngineOptions): DockerEngine {
  const client = createEngineClient(options);
  const reads = createEngineReads({ client });
  const act = createEngineActions({ client, reads });
  const readLogs = createEngineLogs({ reads });
  const inspection = createEngineInspect({ reads });
  const { clock = systemClock } = options;
  const readStats = createEngineStats({ reads, clock });
  const use = createEngineUse({ client, reads, clock });
  const watchEvents = createEngineEvents({ client });
  const followLog = createEngineFollow({ client, reads });

  return {
    list: (options = {}) => reads.list(options),
    start: (id, options = {}) => act('start', id, options),
    stop: (id, options = {}) => act('stop', id, options),
    async restart(id, options = {}) {
      await act('restart', id, options);
    },
    async logs(id, options) {
      const container = await reads.inspect(id, { signal: options.signal });
      return readLogs(container, options);
    },
    inspect: (id, options = {}) => inspection.inspect(id, options),
    readVersion,
    async readFacts(options) {
      const version = await readVersion(options);
      const { apiVersion = '1.40', way = 'socket' } = client.agreed ?? {}; // it was, to read this
      return { version, apiVersion, way };
    },
    readSecrets: (id, options = {}) => inspection.readSecrets(id, options),
    stats: (id, options = {}) => readStats(id, options),
    followLog: (id, options) => followLog(id, options),
    events: (options) => watchEvents(options),
    use,
    [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
  };

  async function readVersion({ signal }: CallOptions = {}): Promise<string> {
    const answer = await reads.ask(versionTask, '/version', { signal, needsNewChannel: true });
    if (answer.status !== 200) throw toAppError(answer, versionTask);
    return parseAnswer(versionSchema, answer, versionTask).Version;
  }
}

const versionTask: EngineTask = { operation: 'ping' };
