// The API in this process, from the environment that a process would have; told nothing by default, it is silent.

import { readConfiguration } from '@ondemand/server';
// The service is what the process runs, and no part of the package's entry point.
import { createLogger } from '../../../packages/server/dist/process/logger.js';
import { type Service, startService } from '../../../packages/server/dist/process/service.js';
import { findFreePort } from './free-port.ts';

export type { Service };

/** On a free port of loopback; `FUZZ_LOG` is the level of its log. */
export async function startServiceHere(env: Readonly<Record<string, string>>): Promise<Service> {
  const environment = {
    HOST: '127.0.0.1',
    PORT: String(await findFreePort()),
    RATE_LIMIT_PER_MINUTE: '0',
    ...env,
  };
  const { config, problems } = await readConfiguration(environment, undefined);
  if (config === undefined) throw new Error(problems.join('\n'));
  const level = process.env.FUZZ_LOG ?? 'silent';
  return startService(config, { logger: await createLogger({ level, isTerminal: false }) });
}
