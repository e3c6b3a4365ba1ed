// The API in this process, from the environment that a process would have: it starts in a tenth of the time of a process.

import { findFreePort } from '@ondemand/sandbox';
import { readConfiguration } from '@ondemand/server';
// The service is what the process runs, and no part of the package's entry point.
import { createLogger } from '../../../packages/server/dist/process/logger.js';
import { type Service, startService } from '../../../packages/server/dist/process/service.js';
import { baseEnvironment, type Environment, parseLines, type Server } from './start-api-process.ts';

export type { Service };

type LogDestination = Parameters<typeof createLogger>[0]['destination'];

/** On a free port of loopback; told nothing by default, it is silent: `FUZZ_LOG` is the level of its log. */
export async function startServiceHere(env: Readonly<Record<string, string>>): Promise<Service> {
  const level = process.env.FUZZ_LOG ?? 'silent';
  return startLogging({ HOST: '127.0.0.1', RATE_LIMIT_PER_MINUTE: '0', ...env, LOG_LEVEL: level });
}

/** As `startServer`, for tests that are about no process: what it logs is kept, and stdout stays quiet. */
export async function startServerHere(env: Environment): Promise<Server> {
  let written = '';
  const service = await startLogging(
    { ...baseEnvironment, ...env },
    {
      write(line) {
        written += line;
      },
    },
  );
  return {
    url: service.url,
    output: () => written,
    logs: () => parseLines(written),
    [Symbol.asyncDispose]: () => service.stop(),
  };
}

async function startLogging(env: Environment, destination?: LogDestination): Promise<Service> {
  const environment = { PORT: String(await findFreePort()), ...env };
  const { config, problems } = await readConfiguration(environment, undefined);
  if (config === undefined) throw new Error(problems.join('\n'));
  const logger = await createLogger({
    level: config.LOG_LEVEL,
    isTerminal: false,
    ...(destination && { destination }),
  });
  return startService(config, { logger });
}
