// One log line for each request, whatever its caller and outcome.

import { STATUS_CODES } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/** One request and its answer, as metrics count them. */
export interface AnsweredRequest {
  readonly method: string;
  readonly route: string;
  readonly status: number;
  readonly seconds: number;
}

/** Why a request could not be served, which is no fault of its caller. */
export interface RequestFailure {
  readonly err: unknown;
  readonly status: number;
}

declare module 'fastify' {
  interface FastifyRequest {
    failure: RequestFailure | undefined;
  }
}

/** By route template, so that neither names nor query strings end up in the log. */
export function addRequestLog(
  app: FastifyInstance,
  onAnswered?: (request: AnsweredRequest) => void,
): void {
  app.decorateRequest('failure', undefined);
  app.addHook('onResponse', (request, reply, done) => {
    if (request.failure === undefined) logRequest(request, reply);
    else logFailure(request, request.failure, toFacts(request, reply));
    onAnswered?.({
      method: request.method,
      route: toRoute(request),
      status: reply.statusCode,
      seconds: reply.elapsedTime / 1000,
    });
    done();
  });
}

function toRoute({ routeOptions }: FastifyRequest): string {
  return routeOptions.url ?? 'unknown';
}

function logRequest(request: FastifyRequest, reply: FastifyReply): void {
  const level = request.routeOptions.config.isProbe === true ? 'debug' : 'info';
  request.log[level](toFacts(request, reply), STATUS_CODES[reply.statusCode] ?? 'answered');
}

/** At level error where somebody has to mend something, warn where it may pass. A probe that fails is told elsewhere, once, unless a bug makes it fail. */
export function logFailure(
  request: FastifyRequest,
  { err, status }: RequestFailure,
  facts: object = {},
): void {
  const isTold = request.routeOptions.config.isProbe === true && status !== 500;
  const level = isTold ? 'debug' : status === 503 ? 'warn' : 'error';
  request.log[level]({ ...facts, err }, 'request failed');
}

function toFacts(request: FastifyRequest, reply: FastifyReply) {
  const { config } = request.routeOptions;
  return {
    method: request.method,
    route: toRoute(request),
    ...(config.operationId !== undefined && { operation: config.operationId }),
    ...(request.principal !== undefined && {
      sub: request.principal.sub,
      clientId: request.principal.clientId,
    }),
    ...(request.serverId !== request.id && { serverRequestId: request.serverId }),
    statusCode: reply.statusCode,
    ip: request.address,
    durationMs: Math.round(reply.elapsedTime * 10) / 10,
  };
}
