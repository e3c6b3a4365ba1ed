// The Engine port over Docker's Engine API: containers in, containers out.

import type { Engine } from '../ports.ts';
import { createEngineActions } from './engine-actions.ts';
import { createEngineClient, type EngineClientOptions } from './engine-client.ts';
import { createEngineLogs } from './engine-logs.ts';
import { createEngineReads } from './engine-reads.ts';

export type EngineOptions = EngineClientOptions;

/**
 * Builds the engine on the VM; opens nothing before its first call.
 * Throws `NOT_FOUND`, `CONFLICT` (paused, being removed, dead, a port taken), `INTERNAL_ERROR` (a container that cannot start as it is configured)
 * and `SERVICE_UNAVAILABLE`. An action whose answer was lost is looked up before anything is said: it succeeds only when its effect is seen.
 *
 * @example
 * await using engine = createEngine({ channels, socketPath: '/var/run/docker.sock' });
 * const containers = await engine.list();
 */
export function createEngine(options: EngineOptions): Engine & AsyncDisposable {
  const client = createEngineClient(options);
  const reads = createEngineReads({ client });
  const act = createEngineActions({ client, reads });
  const readLogs = createEngineLogs({ reads });

  return {
    list: (options = {}) => reads.list(options),
    start: (id, options = {}) => act('start', id, options),
    stop: (id, options = {}) => act('stop', id, options),
    async restart(id, options = {}) {
      await act('restart', id, options);
    },
    async logs(id, { lines, signal }) {
      const container = await reads.inspect(id, { signal });
      return readLogs(container, { lines, signal });
    },
    [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
  };
}
