// What the service itself logs: the audit, the SSH connection, and a Redis that is away.

import { type Clock, type SshEvent, systemClock } from '@ondemand/core';
import type { Logger } from 'pino';
import { createAuditFile } from '../audit/file.ts';
import { createAuditTrail } from '../audit/trail.ts';
import type { Config } from '../config/variables.ts';
import { openRedisCounter } from '../limits/redis-counter.ts';
import { isBug } from './logged-error.ts';

/** At level info whatever LOG_LEVEL says, unless that is silent: an audit is no chatter. */
export function createLoggedAudit(
  { AUDIT_LOG_FILE: path, AUDIT_ON_FAILURE: onFailure }: Config,
  logger: Logger,
) {
  const level = logger.level === 'silent' ? 'silent' : 'info';
  const auditLogger = logger.child({}, { level });
  return createAuditTrail({
    file: path === undefined ? undefined : createAuditFile(path),
    onFailure,
    log: (entry) => auditLogger.info({ audit: entry }, `${entry.action} ${entry.outcome}`),
    logFailure: (err, waitingLines) =>
      logger.error(
        { err, waitingLines },
        onFailure === 'log'
          ? 'the audit file cannot be written; this log alone has its lines'
          : 'the audit file cannot be written; nothing is changed but power-off',
      ),
  });
}

export async function openSharedCounter({ RATE_LIMIT_REDIS_URL: url }: Config, logger: Logger) {
  if (url === undefined) return undefined;
  return openRedisCounter({
    url,
    onAway: (reason) =>
      logger.warn(
        { redis: { reason } },
        'Redis at RATE_LIMIT_REDIS_URL cannot be used; until it can, each process counts for itself',
      ),
    onBack: () => logger.info('Redis at RATE_LIMIT_REDIS_URL can be used again'),
  });
}

/** For faults of ours that no caller hears of: loops meet the same one again and again, which is logged once a minute. */
export function createInternalErrorLog(logger: Logger, clock: Pick<Clock, 'elapsedMs'>) {
  let last: { readonly text: string; readonly atMs: number } | undefined;
  return function log(err: unknown): void {
    const text = String(err);
    const atMs = clock.elapsedMs();
    if (last?.text === text && atMs - last.atMs < 60_000) return;
    last = { text, atMs };
    logger.error({ err }, 'something failed inside the API');
  };
}

/** Wraps what asks the issuer, so that a failure is one line however often it is met, and its end another. */
export function createIssuerLog(logger: Logger) {
  let isAway = false;
  return (check: () => Promise<void>) => async (): Promise<void> => {
    try {
      await check();
    } catch (err) {
      if (isBug(err)) throw err;
      if (!isAway) logger.warn({ err }, `no token can be checked: ${toReason(err)}`);
      isAway = true;
      throw err;
    }
    if (isAway) logger.info('tokens can be checked again');
    isAway = false;
  };
}

function toReason(err: unknown): string {
  if (!(err instanceof Error)) return String(err);
  return err.cause instanceof Error ? err.cause.message : err.message;
}

/** A collector that is away loses spans and nothing else; it is told once a minute at most. */
export function createTraceFailureLog(
  logger: Logger,
  clock: Pick<Clock, 'elapsedMs'> = systemClock,
) {
  let lastMs = Number.NEGATIVE_INFINITY;
  return function log(error: unknown): void {
    if (clock.elapsedMs() - lastMs < 60_000) return;
    lastMs = clock.elapsedMs();
    const reason = error instanceof Error ? error.message : String(error);
    logger.warn({ reason }, 'spans could not be sent to OTEL_EXPORTER_OTLP_ENDPOINT');
  };
}

export function logSshEvent(logger: Logger, event: SshEvent): void {
  if (event.type === 'connected') {
    logger.info({ ssh: event }, 'connected to the VM');
    return;
  }
  const { error, ...facts } = event;
  const { reason } = error.details;
  if (ownDoing.has(reason)) logger.info({ ssh: { ...facts, reason } }, 'disconnected from the VM');
  else logger.warn({ ssh: { ...facts, reason }, err: error }, `the SSH connection ${event.type}`);
}

/** Why a connection ends when we end it ourselves: at shutdown, and before a power action. */
const ownDoing = new Set<unknown>(['CONNECTION_CLOSED', 'CONNECTION_DROPPED']);
