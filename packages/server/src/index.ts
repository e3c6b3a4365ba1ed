// The entry point of @ondemand/server: a Fastify instance that never listens by itself, and the router's type.

import { randomUUID } from 'node:crypto';
import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { fastify, LogController } from 'fastify';
import { toAuditedOperations } from './audit/audited-operations.ts';
import { addRefusalAudit } from './audit/record-call.ts';
import type { AuditTrail } from './audit/trail.ts';
import type { Authenticate } from './auth/authenticator.ts';
import { realm } from './auth/challenge.ts';
import { addGuard, admit } from './auth/guard.ts';
import { type ScopeNames, scopes } from './auth/principal.ts';
import { readClientAddress } from './http/client-address.ts';
import { createCors } from './http/cors.ts';
import { addErrorHandlers, sendError } from './http/error-handlers.ts';
import { answerClientError, refuseMalformed, toOriginForm } from './http/malformed-requests.ts';
import { type AnsweredRequest, addRequestLog, logFailure } from './http/request-log.ts';
import { toSecurityHeaders } from './http/security-headers.ts';
import { addRouteCheck } from './http/unknown-routes.ts';
import { createShares } from './limits/fair-queue.ts';
import { createRateLimit } from './limits/rate-limit.ts';
import type { SharedCounter } from './limits/redis-counter.ts';
import {
  defaultKeepAliveSeconds,
  defaultMaxStreams,
  maxBodyBytes,
  requestTimeoutMs,
} from './limits/request-limits.ts';
import {
  type AnswerBudgetOptions,
  addAnswerBudget,
  createAnswerBudget,
  defaultBudget,
  endUnreadAnswers,
} from './limits/unread-answer-bytes.ts';
import { docsPath, registerDocs, resourceMetadataPath } from './openapi/docs.ts';
import { type PageSettings, registerPage } from './page/page.ts';
import type { PageFiles } from './page/page-files.ts';
import { appRouter } from './procedures/app-router.ts';
import type { Services } from './procedures/core-services.ts';
import { createContextFactory } from './procedures/create-context.ts';
import { endSilentConnections } from './process/end-silent-connections.ts';
import { registerHealth } from './process/health-routes.ts';
import { registerRest } from './rest/rest.ts';
import { createTurns } from './streams/event-loop-turns.ts';
import { registerStreams } from './streams/rest-streams.ts';
import { createOpenStreams } from './streams/stream-registry.ts';
import { registerTrpc } from './trpc/plugin.ts';

export { createAuthenticator } from './auth/authenticator.ts';
export { checkAll } from './diagnosis/ondemand-server-check.ts';
export type { ApiError } from './http/api-error.ts';
export type { AppRouter } from './procedures/app-router.ts';
export type { TrpcErrorData } from './procedures/base.ts';
export { readConfiguration } from './process/read-configuration.ts';

export interface ServerOptions {
  readonly services: Services;
  readonly authenticate: Authenticate;
  readonly scopeNames: ScopeNames;
  readonly issuer: string;
  /** What a token has to be for, so that clients need not guess it. */
  readonly audience?: string;
  readonly publicUrl: string;
  readonly logger?: FastifyBaseLogger;
  /** As in Fastify. */
  readonly trustProxy?: boolean | string;
  /** Exact origins whose pages may call the API from a browser. */
  readonly corsOrigins?: readonly string[];
  /** 0 for no limit. */
  readonly rateLimitPerMinute: number;
  /** Given: limits hold for all processes together. */
  readonly sharedCounter?: SharedCounter | undefined;
  /** Open at once in this process, by both transports together; 100 if left out. */
  readonly maxStreams?: number;
  /** How long an idle connection is kept; 620 if left out. */
  readonly keepAliveSeconds?: number;
  /** Of answers that are not taken yet, in bytes. */
  readonly answerBudget?: AnswerBudgetOptions;
  /** So long a reader may leave an answer lying; 30 s if left out. */
  readonly unreadMs?: number;
  readonly audit: AuditTrail;
  /** Told of each request once it was answered. */
  readonly onAnswered?: ((request: AnsweredRequest) => void) | undefined;
  /** Adds the hooks that go before all others. */
  readonly watch?: ((app: FastifyInstance) => void) | undefined;
  /** The page for people; without it `/` leads to the docs. */
  readonly page?: ServedPage | undefined;
  /** Rejects with the reason while requests could not be served, which it is to log: probes leave no line above debug. */
  readonly checkReady: () => Promise<void>;
}

export interface ServedPage extends Pick<PageSettings, 'clientId' | 'returnOrigins'> {
  readonly files: PageFiles;
}

/** The whole HTTP surface of section 2 of the contract; `listen` and `close` are the caller's. An injected request lacks the `headersDistinct` of Node's own. */
export async function createServer(options: ServerOptions): Promise<FastifyInstance> {
  const {
    scopeNames,
    publicUrl,
    logger,
    trustProxy = false,
    audit,
    maxStreams = defaultMaxStreams,
  } = options;
  const { keepAliveSeconds = defaultKeepAliveSeconds } = options;
  const publicPath = new URL(publicUrl).pathname.replace(/\/$/, ''); // below which a proxy may serve this
  const resourceMetadataUrl = `${publicUrl}${resourceMetadataPath}`;
  const streams = createOpenStreams({ max: maxStreams, maxShared: 10 * maxStreams });
  const budget = createAnswerBudget(options.answerBudget ?? defaultBudget);
  const shares = createShares();
  const rateLimit = createRateLimit({
    perMinute: options.rateLimitPerMinute,
    shared: options.sharedCounter,
  });
  const guard = { authenticate: options.authenticate, scopeNames, rateLimit };
  const cors = createCors(options.corsOrigins ?? []);
  const securityHeaders = toSecurityHeaders({ publicUrl });

  const app = fastify({
    ...(logger === undefined ? {} : { loggerInstance: logger }),
    trustProxy,
    bodyLimit: maxBodyBytes,
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: Math.round(keepAliveSeconds * 1000),
    return503OnClosing: false, // it answers in a shape of its own; what still comes in is served
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: ({ headers }) => toRequestId(headers['x-request-id']),
    routerOptions: { ignoreTrailingSlash: false, maxParamLength: 4096 },
    frameworkErrors: (error, request, reply) => {
      void answerFrameworkError(error, request, reply);
    },
    http: { requireHostHeader: false }, // as Node would refuse without an ApiError
    rewriteUrl: ({ url = '/' }) => toOriginForm(url),
    clientErrorHandler: (error, socket) => answerClientError(error, socket, securityHeaders),
  });

  options.watch?.(app);
  // Hooks that wait for nothing take a callback: a promise each would be a good part of what a request costs.
  app.addHook('onRequest', (request, reply, done) => {
    begin(request, reply);
    const preflight = cors.toPreflight(request);
    if (preflight === undefined) done();
    else reply.code(204).headers(preflight).send();
  });
  refuseMalformed(app, securityHeaders);
  let isClosing = false;
  app.addHook('preClose', async () => {
    isClosing = true;
    streams.endAll();
  });
  app.addHook('onSend', (_request, reply, payload, done) => {
    cors.addVary(reply, payload);
    const location = reply.getHeader('location');
    if (typeof location === 'string') reply.header('location', publicPath + location); // ours are paths
    if (isClosing) reply.header('connection', 'close'); // else a kept-alive connection holds the close up
    done();
  });
  addRequestLog(app, options.onAnswered);
  endSilentConnections(app);
  endUnreadAnswers(app, options);
  addGuard(app, guard);
  addRouteCheck(app);
  addRefusalAudit(app, audit, toAuditedOperations(appRouter));
  addAnswerBudget(app, budget);
  app.decorate('takeTurn', createTurns());
  addErrorHandlers(app, { resourceMetadataUrl });

  for (const plugin of plugins) Object.assign(plugin, { [displayName]: plugin.name });
  await app.register(registerHealth, { checkReady: options.checkReady });
  const scopesSupported = scopes.map((scope) => scopeNames[scope]);
  const { page, issuer, audience } = options;
  if (page !== undefined) {
    const { files, ...settings } = page;
    await app.register(registerPage, {
      files,
      publicUrl,
      settings: { issuer, audience, scopes: scopesSupported, ...settings },
    });
  }
  await app.register(registerDocs, {
    isFirst: page === undefined,
    async createDocument() {
      const { createOpenApiDocument } = await import('./openapi/document.ts');
      return createOpenApiDocument({ publicUrl });
    },
    resourceMetadata: {
      resource: publicUrl,
      authorization_servers: [issuer],
      ...(audience !== undefined && { audience }), // a member of our own, beside those of RFC 9728
      scopes_supported: scopesSupported,
      bearer_methods_supported: ['header'],
      resource_name: realm,
      resource_documentation: `${publicUrl}${docsPath}`,
    },
  });
  const createContext = createContextFactory({
    resourceMetadataUrl,
    authenticate: options.authenticate,
    scopeNames,
    services: options.services,
    audit,
    streams,
    shares,
    budget,
  });
  await app.register(registerRest, { createContext });
  await app.register(registerStreams, { createContext, resourceMetadataUrl });
  await app.register(registerTrpc, { createContext, resourceMetadataUrl });
  return app;

  function begin(request: FastifyRequest, reply: FastifyReply): void {
    request.serverId = request.id === request.headers['x-request-id'] ? randomUUID() : request.id;
    request.address = readClientAddress(request);
    reply.header('x-request-id', request.id).headers(securityHeaders);
    cors.allow(request, reply);
  }

  /** A URL that Fastify cannot read meets no hook; it needs a token all the same. */
  async function answerFrameworkError(error: Error, request: FastifyRequest, reply: FastifyReply) {
    begin(request, reply);
    cors.addVary(reply);
    const context = { requestId: request.id, resourceMetadataUrl };
    const refusal = await admit(request, guard).then(
      () => error,
      (reason: unknown) => reason,
    );
    sendError(refusal, request, reply, context);
    if (request.failure !== undefined) logFailure(request, request.failure);
  }
}

const plugins = [
  registerHealth,
  registerPage,
  registerDocs,
  registerRest,
  registerStreams,
  registerTrpc,
];

/** By which Fastify names a plugin; for one without it, it looks through every module that is loaded. */
const displayName = Symbol.for('fastify.display-name');

/** A caller's own id is kept where it is harmless in a header and a log. */
function toRequestId(given: string | string[] | undefined): string {
  return typeof given === 'string' && /^[\w.:-]{1,128}$/.test(given) ? given : randomUUID();
}
