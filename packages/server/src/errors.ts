// Sends every failure of the HTTP layer as an `ApiError`: thrown, unknown path, wrong method, bad URL, bad bytes.

import type { Socket } from 'node:net';
import { AppError } from '@ondemand/core';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type ErrorContext, toErrorResponse } from './api-error.ts';
import type { RouteTable } from './routes.ts';
import { isTrpcUrl, toTrpcErrorShape } from './trpc.ts';

export interface ErrorHandlerOptions {
  readonly routes: RouteTable;
  readonly resourceMetadataUrl: string;
}

export function addErrorHandlers(app: FastifyInstance, options: ErrorHandlerOptions): void {
  const { routes, resourceMetadataUrl } = options;
  app.setErrorHandler((error, request, reply) =>
    sendError(error, request, reply, { requestId: request.id, resourceMetadataUrl }),
  );
  app.setNotFoundHandler((request) => {
    throw notRouted(request, routes);
  });
}

/** Answers with the error; what is our own fault, or has a cause, goes to the log with it. */
export function sendError(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  context: ErrorContext,
): FastifyReply {
  const { status, headers, body } = toErrorResponse(error, context);
  logError(request, error, status);
  return reply
    .code(status)
    .headers(headers)
    .type('application/json; charset=utf-8')
    .send(isTrpcUrl(request.url) ? { error: toTrpcErrorShape(status, body) } : body);
}

export function logError(request: FastifyRequest, error: unknown, status: number): void {
  if (status >= 500) request.log.error({ err: error }, 'request failed');
  else request.log.debug({ err: error }, 'request refused');
}

/** Bytes that are no HTTP request never reach a route; the socket gets one whole answer and is closed. */
export function answerClientError(error: Error, socket: Socket, requestId: string): void {
  const isReset = 'code' in error && error.code === 'ECONNRESET';
  if (isReset || !socket.writable) {
    socket.destroy();
    return;
  }
  const refusal = new AppError('BAD_REQUEST', 'This is not a well-formed HTTP/1.1 request', {
    details: { issues: [{ path: 'request', message: 'malformed, or its headers are too large' }] },
  });
  const { status, body } = toErrorResponse(refusal, { requestId, resourceMetadataUrl: '' });
  const json = JSON.stringify(body);
  socket.end(
    [
      `HTTP/1.1 ${status} Bad Request`,
      'content-type: application/json; charset=utf-8',
      `content-length: ${Buffer.byteLength(json)}`,
      `x-request-id: ${requestId}`,
      'connection: close',
      '',
      json,
    ].join('\r\n'),
  );
}

function notRouted(request: FastifyRequest, routes: RouteTable): AppError {
  const [path = '/'] = request.url.split('?', 1);
  const allow = routes.methodsOf(path);
  if (allow === undefined)
    return new AppError('NOT_FOUND', 'No such path in this API; /docs lists what there is');
  return new AppError(
    'METHOD_NOT_ALLOWED',
    `${request.method} is not allowed here; use ${allow.join(' or ')}`,
    { details: { allow } },
  );
}
