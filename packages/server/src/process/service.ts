// Puts the process together from a configuration: adapters, services, server; and shuts it down again.

import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import {
  createContainers,
  createEvents,
  createIdle,
  createIdleHost,
  createJobHost,
  createJobs,
  createLeaseHost,
  createLeases,
  createReadiness,
  createRebuildPlanner,
  createShell,
  createSshAddress,
  createVm,
  createWaker,
  systemClock,
} from '@ondemand/core';
import type { Logger } from 'pino';
import { createOwnStop } from '../audit/idle-stop.ts';
import { createAuthenticator } from '../auth/authenticator.ts';
import { waitAtMost } from '../auth/wait-at-most.ts';
import type { Config } from '../config/variables.ts';
import { toCallerFinding } from '../diagnosis/configuration-finding.ts';
import { createServerDiagnosis } from '../diagnosis/server-diagnosis.ts';
import { createServer } from '../index.ts';
import { maxWaitingConnections } from '../limits/request-limits.ts';
import { openScrapes } from '../metrics/open-metrics-port.ts';
import { createWakeStages } from '../metrics/wake-stages.ts';
import { readPageFiles } from '../page/page-files.ts';
import type { Tracing } from '../tracing/tracing.ts';
import {
  toClaimRules,
  toIdleSettings,
  toIntrospectionClient,
  toWaitMs,
} from './adapter-options.ts';
import { type AdapterWatch, createAdapters, toOneWatch } from './adapters.ts';
import {
  createInternalErrorLog,
  createIssuerLog,
  createLoggedAudit,
  logSshEvent,
  openSharedCounter,
} from './log-audit-ssh-redis.ts';
import type { ConfigurationReading } from './read-configuration.ts';

export interface Service {
  readonly url: string;
  /** Takes no new requests, lets those under way end within the grace period, then closes everything. */
  stop(): Promise<void>;
}

export interface ServiceOptions {
  readonly logger: Logger;
  /** Ended with the service. */
  readonly tracing?: Tracing | undefined;
  /** What is wrong with the configuration now, for the diagnosis: files may have gone since the start. */
  readonly recheck?: () => Promise<Pick<ConfigurationReading, 'problems'>>;
}

/** Resolves once the API listens. */
export async function startService(
  config: Config,
  { logger, tracing, recheck = async () => ({ problems: [] }) }: ServiceOptions,
): Promise<Service> {
  const clock = systemClock;
  const metrics =
    config.METRICS_PORT === undefined
      ? undefined
      : (await import('../metrics/metrics.ts')).createMetrics();
  const onInternalError = createInternalErrorLog(logger, clock);
  const closing = new AbortController();
  const ownWatch: AdapterWatch = {
    onSshEvent(event) {
      logSshEvent(logger, event);
      if (event.type === 'connected') idle.register();
    },
  };
  const watches = [ownWatch, metrics, tracing].filter((watch) => watch !== undefined);
  const adapters = createAdapters(config, toOneWatch(watches));
  const { compute, connection, engine } = adapters;
  const planRebuild = createRebuildPlanner({
    shell: createShell(connection),
    channels: connection,
    socketPath: config.DOCKER_SOCKET,
    composeCommand: config.COMPOSE_COMMAND,
    composeRoots: config.COMPOSE_ROOTS,
  });
  const vm = createVm({
    compute,
    clock,
    link: connection,
    onAction() {
      events.check('vm');
      readiness.acted();
    },
    onNewVersion: () => readiness.acted(),
    onInitiated(action) {
      if (action === 'START') wakeStages?.begin();
    },
    onAddressUnreadable: (err) =>
      logger.warn({ err }, "OCI does not tell the VM's address; GET /vm/status goes without it"),
  });
  const readiness = createReadiness({
    vm,
    link: connection,
    hurry: () => connection.hurry(),
    readVersion: (options) => engine.readVersion(options),
    readConsole: (options) => compute.readConsole({ lines: 100, ...options }),
    clock,
    onInternalError,
  });
  const wakeStages =
    metrics && createWakeStages({ readiness, clock, onStage: metrics.onWakeStage });
  const jobs = createJobs({
    host: createJobHost({ connection }),
    planRebuild,
    secretsOf: (target, options) => engine.readSecrets(target, options),
    compute,
    link: connection,
    clock,
    randomHex,
    onChange: () => events.check('jobs'),
  });
  const leases = createLeases({
    host: createLeaseHost({ connection }),
    compute,
    link: connection,
    clock,
    randomHex,
    onInternalError,
  });
  const waker = createWaker({
    vm,
    readiness,
    takeLease: leases.take,
    clock,
    waitMs: toWaitMs(config),
    onLateFailure: (err) =>
      logger.warn({ err }, 'a wake that was answered before has failed since'),
    onInternalError,
  });
  const events = createEvents({ vm, engine, jobs, link: connection, clock, randomHex });
  const audit = createLoggedAudit(config, logger);
  const idle = createIdle({
    host: createIdleHost({ connection, processId: randomHex(16) }),
    engine: engine.use,
    vm,
    compute,
    link: connection,
    clock,
    settings: toIdleSettings(config),
    stop: createOwnStop({ vm, audit }),
    onNotice(notice) {
      events.tell({ type: 'idle', time: clock.now().toISOString(), ...notice });
      logger.info({ idle: notice }, `idle stop: ${notice.stage}`);
    },
    onLaterRules: (rules) =>
      logger.warn(
        { idle: rules },
        'of processes with different idle settings the later stop counts',
      ),
    onFailure: (err) => logger.warn({ err }, 'the idle stop failed; the VM stays on'),
    onInternalError,
  });
  const rules = toClaimRules(config);
  const { authenticate, checkReady, checkIssuer, issuerAnswers } = createAuthenticator({
    ...rules,
    jwksUri: config.OIDC_JWKS_URI,
    introspectionUri: config.OIDC_INTROSPECTION_URI,
    client: toIntrospectionClient(config),
    typs: config.OIDC_ACCESS_TOKEN_TYP,
  });
  const toldOnce = createIssuerLog(logger);
  const diagnosis = createServerDiagnosis(config, {
    adapters,
    checkConfiguration: async () => toCallerFinding(await recheck()),
    onUnexpected: (err) => logger.error({ err }, 'a part of the diagnosis failed'),
  });
  const sharedCounter = await openSharedCounter(config, logger);
  const files = await readPageFiles(pageFolders);
  const ownUrl = `http://${toUrlHost(config.HOST)}:${config.PORT}`;
  const app = await createServer({
    services: {
      vm,
      readiness,
      waker,
      console: compute,
      ssh: createSshAddress({ connection, compute }),
      containers: createContainers({
        engine,
        jobs,
        compute,
        link: connection,
        clock,
        rebuildWaitMs: toWaitMs(config),
        closing: closing.signal,
      }),
      jobs,
      events,
      leases,
      idle,
      diagnosis,
    },
    authenticate,
    checkReady: toldOnce(checkReady),
    scopeNames: rules.scopeNames,
    issuer: config.OIDC_ISSUER,
    audience: config.OIDC_AUDIENCE,
    publicUrl: config.PUBLIC_URL ?? ownUrl,
    logger,
    trustProxy: config.TRUST_PROXY,
    corsOrigins: config.CORS_ORIGINS,
    rateLimitPerMinute: config.RATE_LIMIT_PER_MINUTE,
    sharedCounter,
    keepAliveSeconds: config.KEEP_ALIVE_SECONDS,
    audit,
    onAnswered: metrics?.onAnswered,
    watch: tracing?.watch,
    page: files && {
      files,
      clientId: config.OIDC_WEB_CLIENT_ID,
      returnOrigins: config.RETURN_ORIGINS,
    },
  });
  // After the server's own hook, which interrupts the streams: one whose source ended first would look complete. Before the close waits for those that still open.
  app.addHook('preClose', async () => {
    closing.abort();
    await Promise.all([events, readiness, waker].map((service) => service[Symbol.asyncDispose]()));
  });
  let scrapes: AsyncDisposable | undefined;
  const closeAdapters = async () => {
    await scrapes?.[Symbol.asyncDispose]();
    await idle[Symbol.asyncDispose]();
    await engine[Symbol.asyncDispose]();
    await connection[Symbol.asyncDispose]();
    await compute[Symbol.asyncDispose]();
    await sharedCounter?.[Symbol.asyncDispose]();
  };

  try {
    await app.listen({ host: config.HOST, port: config.PORT, backlog: maxWaitingConnections });
    scrapes = await openScrapes(config, {
      ...{ metrics, vm, idle, link: connection },
      ...{ issuerAnswers, audit, logger },
    });
  } catch (error) {
    await app.close();
    await closeAdapters();
    throw error;
  }
  toldOnce(checkIssuer)().catch(() => {}); // by then
  return {
    url: ownUrl,
    async stop() {
      const cut = setTimeout(
        () => app.server.closeAllConnections(),
        config.SHUTDOWN_GRACE_SECONDS * 1000,
      );
      await app.close();
      clearTimeout(cut);
      await closeAdapters(); // which ends the actions of callers that have gone, too
      await waitAtMost(audit.settled(), lastLinesMs);
      await waitAtMost(tracing?.[Symbol.asyncDispose]() ?? Promise.resolve(), lastSpansMs);
    },
  };
}

function randomHex(digits: number): string {
  return randomBytes(digits).toString('hex').slice(0, digits);
}

/** Of this workspace, and of the packed server. */
const pageFolders = ['../../../../apps/web/dist', '../../page'].map((folder) =>
  fileURLToPath(new URL(folder, import.meta.url)),
);

/** For what was cut short to leave its line in the audit. */
const lastLinesMs = 5000;

/** For the last spans: a collector that is gone holds the end up no longer. */
const lastSpansMs = 2000;

/** Where every address is listened on, this machine's own serves for a URL; IPv6 goes in brackets, without a zone, which no URL takes. */
function toUrlHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host.replace(/%.*/, '')}]` : host;
}
