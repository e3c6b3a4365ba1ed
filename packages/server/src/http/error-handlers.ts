// Sends every failure of the HTTP layer as an `ApiError`, and logs it.

import type { AppError } from '@ondemand/core';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { isTrpcUrl, toTrpcErrorShape } from '../procedures/base.ts';
import { isBug } from '../process/logged-error.ts';
import { type ErrorContext, toAppError, toErrorResponse } from './api-error.ts';
import { logFailure } from './request-log.ts';
import { toShortText } from './truncate-text.ts';
import { noSuchPath } from './unknown-routes.ts';

export interface ErrorHandlerOptions {
  readonly resourceMetadataUrl: string;
}

export function addErrorHandlers(
  app: FastifyInstance,
  { resourceMetadataUrl }: ErrorHandlerOptions,
): void {
  app.setErrorHandler((error, request, reply) =>
    sendError(error, request, reply, { requestId: request.id, resourceMetadataUrl }),
  );
  // For routes that do not find what they serve; a request without a route gets no further than its check.
  app.setNotFoundHandler(() => {
    throw noSuchPath();
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

/** What a caller brings about by asking too much is no failure of ours. */
function isOverload({ details: { reason } }: AppError): boolean {
  return overloads.has(reason);
}

const overloads = new Set<unknown>(['TOO_MANY_REQUESTS', 'TOO_MANY_STREAMS', 'TOO_MANY_BYTES']);

/** Who goes before the answer aborts what it waits for. */
function hasLeft({ raw }: FastifyRequest, { cause }: AppError): boolean {
  return raw.socket.destroyed && cause instanceof Error && cause.name === 'AbortError';
}

/** A refusal is logged as the `AppError` that it is: a transport's own error may quote a URL or a body, and with it a token. */
export function logError(request: FastifyRequest, error: unknown, status: number): void {
  const refused = toAppError(error);
  if (status >= 500 && !isOverload(refused) && !hasLeft(request, refused)) {
    const err = isBug(refused) ? error : refused;
    // The first is told by the line that the request leaves; a batch may have others.
    if (request.failure === undefined) request.failure = { err, status };
    else if (String(request.failure.err) !== String(err)) logFailure(request, { err, status });
    return;
  }
  const [path = ''] = request.url.split('?', 1);
  request.log.debug({ err: refused, path: toShortText(path) }, 'request refused');
}
