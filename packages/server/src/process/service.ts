// Puts the process together from a configuration: adapters, services, server; and shuts it down again.

import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  AppError,
  checkOciConfig,
  checkSshConfig,
  createContainers,
  createEngine,
  createEvents,
  createIdle,
  createIdleHost,
  createJobHost,
  createJobs,
  createLeaseHost,
  createLeases,
  createOciCompute,
  createReadiness,
  createRebuildPlanner,
  createShell,
  createSshConnection,
  createVm,
  createWaker,
  type SshEvent,
  systemClock,
} from '@ondemand/core';
import type { Logger } from 'pino';
import { checkAuditFile, createAuditFile } from '../audit/file.ts';
import { createOwnStop } from '../audit/idle-stop.ts';
import { createAuditTrail } from '../audit/trail.ts';
import { createAuthenticator } from '../auth/authenticator.ts';
import type { Config } from '../config/config.ts';
import { createServer } from '../index.ts';
import { checkRedisPackage, openRedisCounter } from '../limits/redis-counter.ts';

export interface Service {
  readonly url: string;
  /** Takes no new requests, lets those under way end within the grace period, then closes everything. */
  stop(): Promise<void>;
}

export interface ServiceOptions {
  readonly logger: Logger;
}

/** What else is wrong with the environment and can be told without the network: a line each, beginning with a variable's name. */
export async function checkEnvironment(config: Partial<Config>): Promise<string[]> {
  const problems = await Promise.all([
    checkIntrospectionClient(config),
    checkAuditFile(config.AUDIT_LOG_FILE),
    checkOci(config),
    checkSshConfig(sshOptions(config)),
    checkComposeRoots(config),
    checkRedisPackage(config.RATE_LIMIT_REDIS_URL),
  ]);
  return problems.flat();
}

/** Resolves once the API listens. */
export async function startService(config: Config, { logger }: ServiceOptions): Promise<Service> {
  const clock = systemClock;
  const compute = createOciCompute({
    ...ociOptions(config),
    instanceId: config.OCI_INSTANCE_ID,
    timeoutMs: config.OCI_TIMEOUT_SECONDS * 1000,
  });
  let linkFailures = 0;
  const connection = createSshConnection({
    ...sshOptions(config),
    resolveHost: async ({ signal }) =>
      config.SSH_HOST ?? (await compute.getPublicIp({ signal })) ?? noAddress(),
    port: config.SSH_PORT,
    username: config.SSH_USER,
    connectTimeoutMs: config.SSH_CONNECT_TIMEOUT_SECONDS * 1000,
    keepaliveMs: config.SSH_KEEPALIVE_SECONDS * 1000,
    onEvent: (event) => {
      if (event.type !== 'connected') linkFailures += 1;
      logSshEvent(logger, event);
      if (event.type === 'connected') idle.register();
    },
  });
  const engine = createEngine({
    channels: connection,
    socketPath: config.DOCKER_SOCKET,
    transport: config.DOCKER_TRANSPORT,
  });
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
    linkFailures: () => linkFailures,
    onAction() {
      events.check('vm');
      readiness.acted();
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
  });
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
  });
  const waker = createWaker({
    vm,
    readiness,
    takeLease: leases.take,
    clock,
    waitMs: toWaitMs(config),
    onLateFailure: (err) =>
      logger.warn({ err }, 'a wake that was answered before has failed since'),
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
    onFailure: (err) => logger.warn({ err }, 'the idle stop could not look at the VM; it stays on'),
  });
  const scopeNames = {
    read: config.OIDC_READ_SCOPE,
    wake: config.OIDC_WAKE_SCOPE,
    admin: config.OIDC_ADMIN_SCOPE,
  };
  const { authenticate, checkReady, checkIssuer } = createAuthenticator({
    issuer: config.OIDC_ISSUER,
    audience: config.OIDC_AUDIENCE,
    jwksUri: config.OIDC_JWKS_URI,
    introspectionUri: config.OIDC_INTROSPECTION_URI,
    client: toIntrospectionClient(config),
    typs: config.OIDC_ACCESS_TOKEN_TYP,
    scopesClaims: config.OIDC_SCOPES_CLAIM,
    scopeNames,
  });
  const sharedCounter = await openSharedCounter(config, logger);
  const ownUrl = `http://${toUrlHost(config.HOST)}:${config.PORT}`;
  const app = await createServer({
    services: {
      vm,
      readiness,
      waker,
      console: compute,
      ssh: connection,
      containers: createContainers({
        engine,
        jobs,
        compute,
        link: connection,
        clock,
        rebuildWaitMs: toWaitMs(config),
      }),
      jobs,
      events,
      leases,
      idle,
    },
    authenticate,
    checkReady,
    scopeNames,
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
  });
  // After the server's own hook, which interrupts the streams: one whose source ended first would look complete. Before the close waits for those that still open.
  app.addHook('preClose', async () => {
    await Promise.all([events, readiness, waker].map((service) => service[Symbol.asyncDispose]()));
  });
  const closeAdapters = async () => {
    await idle[Symbol.asyncDispose]();
    await engine[Symbol.asyncDispose]();
    await connection[Symbol.asyncDispose]();
    await compute[Symbol.asyncDispose]();
    await sharedCounter?.[Symbol.asyncDispose]();
  };

  try {
    await app.listen({ host: config.HOST, port: config.PORT });
  } catch (error) {
    await closeAdapters();
    throw error;
  }
  checkIssuer().catch((err: Error) => {
    const why = err.cause instanceof Error ? err.cause.message : err.message;
    logger.warn({ err }, `no token can be checked: ${why}`);
  });
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
      await waitAtMost(lastLinesMs, audit.settled());
    },
  };
}

function toIdleSettings(config: Config) {
  const { IDLE_STOP_AFTER_MINUTES: minutes, MAX_ON_HOURS: hours } = config;
  return {
    stopAfter: minutes === undefined ? undefined : minutes * 60,
    maxOn: hours === undefined ? undefined : hours * 3600,
    announce: config.IDLE_ANNOUNCE_MINUTES * 60,
    cpuPercent: config.IDLE_CPU_PERCENT,
    dryRun: config.IDLE_STOP_DRY_RUN,
  };
}

/** Proxies give a request up after 50 or 60 s. */
function toWaitMs({ REBUILD_WAIT_SECONDS: seconds, TRUST_PROXY }: Config) {
  const given = seconds ?? (TRUST_PROXY === false ? undefined : 45);
  return given === undefined ? undefined : given * 1000;
}

function toIntrospectionClient({ OIDC_CLIENT_ID: id, OIDC_CLIENT_SECRET: secret }: Config) {
  return id === undefined || secret === undefined ? undefined : { id, secret };
}

/** Half of the credentials would silently refuse every opaque token. */
function checkIntrospectionClient(config: Partial<Config>): string[] {
  const { OIDC_CLIENT_ID: id, OIDC_CLIENT_SECRET: secret } = config;
  if (id !== undefined && secret === undefined)
    return ['OIDC_CLIENT_ID: needs OIDC_CLIENT_SECRET beside it'];
  if (id === undefined && secret !== undefined)
    return ['OIDC_CLIENT_SECRET: needs OIDC_CLIENT_ID beside it'];
  return [];
}

function checkComposeRoots({ COMPOSE_ROOTS: roots }: Partial<Config>): string[] {
  if (roots === undefined || roots.length > 0) return []; // undefined: told already why it is none
  return [
    'COMPOSE_ROOTS: left out, so that a rebuild runs whatever compose file the labels of a container name, and any image can bring labels along; set it to the folders of your projects on the VM, such as /srv/stacks',
  ];
}

/** Where `OCI_AUTH` itself cannot be used, what is wrong whether a key or a session was meant. */
async function checkOci(config: Partial<Config>): Promise<string[]> {
  const checkFor = (auth: Config['OCI_AUTH']) =>
    checkOciConfig(ociOptions({ ...config, OCI_AUTH: auth }));
  if (config.OCI_AUTH !== undefined) return checkFor(config.OCI_AUTH);
  const [ofKey, ofSession] = await Promise.all([checkFor('config'), checkFor('session')]);
  return ofKey.filter((problem) => ofSession.includes(problem));
}

function ociOptions(config: Partial<Config> & Pick<Config, 'OCI_AUTH'>) {
  return {
    instanceId: config.OCI_INSTANCE_ID,
    auth: config.OCI_AUTH,
    configFile: config.OCI_CONFIG_FILE,
    profile: config.OCI_CONFIG_PROFILE,
    region: config.OCI_REGION,
    endpoint: config.OCI_ENDPOINT,
  };
}

function sshOptions(config: Partial<Config>) {
  return {
    privateKeyFile: config.SSH_PRIVATE_KEY_FILE,
    passphrase: config.SSH_PRIVATE_KEY_PASSPHRASE,
    agentSocket: config.SSH_AUTH_SOCK,
    hostKeyFingerprint: config.SSH_HOST_KEY_FINGERPRINT,
    knownHostsFile: config.SSH_KNOWN_HOSTS_FILE,
  };
}

function noAddress(): never {
  throw new AppError(
    'SERVICE_UNAVAILABLE',
    'oci-flex has no public IP to connect to; give it one, or set SSH_HOST',
    { text: 'VM has no public IP', details: { reason: 'NO_PUBLIC_IP' } },
  );
}

function randomHex(digits: number): string {
  return randomBytes(digits).toString('hex').slice(0, digits);
}

/** For what was cut short to leave its line in the audit. */
const lastLinesMs = 2000;

async function waitAtMost(ms: number, work: Promise<void>): Promise<void> {
  const enough = new AbortController();
  await Promise.race([work, sleep(ms, undefined, { signal: enough.signal })]);
  enough.abort();
}

/** At level info whatever LOG_LEVEL says, unless that is silent: an audit is no chatter. */
function createLoggedAudit(
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

async function openSharedCounter({ RATE_LIMIT_REDIS_URL: url }: Config, logger: Logger) {
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

function logSshEvent(logger: Logger, event: SshEvent): void {
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

/** Where every address is listened on, this machine's own serves for a URL; IPv6 goes in brackets. */
function toUrlHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}
