// Opens the port that Prometheus scrapes, where one is configured.

import { type Idle, type SshConnection, systemClock, type Vm } from '@ondemand/core';
import type { Logger } from 'pino';
import type { AuditTrail } from '../audit/trail.ts';
import type { Config } from '../config/variables.ts';
import type { Metrics } from './metrics.ts';
import { listenForScrapes } from './metrics-http-server.ts';
import { askInTime, createVmUse } from './vm-use.ts';

export interface ScrapedParts {
  /** Undefined where no port is configured. */
  readonly metrics: Metrics | undefined;
  readonly vm: Pick<Vm, 'status'>;
  readonly idle: Pick<Idle, 'verdict'>;
  readonly link: Pick<SshConnection, 'connected' | 'channels'>;
  readonly issuerAnswers: () => Promise<boolean>;
  readonly audit: Pick<AuditTrail, 'isWritable'>;
  readonly logger: Logger;
}

/** Resolves once it listens; rejects as `listen` does. */
export async function openScrapes(
  {
    HOST: host,
    METRICS_PORT: port,
    AUDIT_LOG_FILE: auditFile,
  }: Pick<Config, 'HOST' | 'METRICS_PORT' | 'AUDIT_LOG_FILE'>,
  { metrics, vm, idle, link, issuerAnswers, audit, logger }: ScrapedParts,
): Promise<AsyncDisposable | undefined> {
  if (metrics === undefined || port === undefined) return undefined;
  const readUse = createVmUse({ vm, idle, clock: systemClock });
  const scrapes = await listenForScrapes({
    host,
    port,
    contentType: metrics.contentType,
    async read() {
      const [use, issuer, auditTakesLines] = await Promise.all([
        readUse(),
        askInTime(issuerAnswers),
        askInTime(() => audit.isWritable()),
      ]);
      return metrics.read({
        use,
        link,
        issuerAnswers: issuer === true,
        auditIsWritable: auditFile === undefined ? undefined : auditTakesLines === true,
      });
    },
    onFailure: (err) => logger.error({ err }, 'the metrics could not be read'),
  });
  logger.info({ host, port }, 'metrics at /metrics');
  return scrapes;
}
