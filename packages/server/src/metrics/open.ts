// Opens the port that Prometheus scrapes, where one is configured.

import { type Idle, type SshConnection, systemClock, type Vm } from '@ondemand/core';
import type { Logger } from 'pino';
import type { Config } from '../config/config.ts';
import { listenForScrapes } from './listen.ts';
import type { Metrics } from './metrics.ts';
import { createVmUse } from './vm-use.ts';

export interface ScrapedParts {
  /** Undefined where no port is configured. */
  readonly metrics: Metrics | undefined;
  readonly vm: Pick<Vm, 'status'>;
  readonly idle: Pick<Idle, 'verdict'>;
  readonly link: Pick<SshConnection, 'connected' | 'channels'>;
  readonly logger: Logger;
}

/** Resolves once it listens; rejects as `listen` does. */
export async function openScrapes(
  { HOST: host, METRICS_PORT: port }: Pick<Config, 'HOST' | 'METRICS_PORT'>,
  { metrics, vm, idle, link, logger }: ScrapedParts,
): Promise<AsyncDisposable | undefined> {
  if (metrics === undefined || port === undefined) return undefined;
  const readUse = createVmUse({ vm, idle, clock: systemClock });
  const scrapes = await listenForScrapes({
    host,
    port,
    contentType: metrics.contentType,
    read: async () => metrics.read({ use: await readUse(), link }),
    onFailure: (err) => logger.error({ err }, 'the metrics could not be read'),
  });
  logger.info({ host, port }, 'metrics at /metrics');
  return scrapes;
}
