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

/** By route template, so that neither names nor query strings end up in the log. */
export function addRequestLog(
  app: FastifyInstance,
  onAnswered?: (request: AnsweredRequest) => void,
): void {
  app.addHook('onResponse', (request, reply, done) => {
    logRequest(request, reply);
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
  const { config } = request.routeOptions;
  request.log.info(
    {
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
    },
    STATUS_CODES[reply.statusCode] ?? 'answered',
  );
}
