// One log line for each request, whatever its caller and outcome.

import { STATUS_CODES } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/** By route template, so that neither names nor query strings end up in the log. */
export function addRequestLog(app: FastifyInstance): void {
  app.addHook('onResponse', (request, reply, done) => {
    logRequest(request, reply);
    done();
  });
}

function logRequest(request: FastifyRequest, reply: FastifyReply): void {
  const { url: route = 'unknown', config } = request.routeOptions;
  request.log.info(
    {
      method: request.method,
      route,
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
