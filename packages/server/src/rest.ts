// The REST facade: a Fastify route for each procedure, answered by trpc-to-openapi; its edges mended here.

import { AppError } from '@ondemand/core';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import {
  type CreateOpenApiNodeHttpHandlerOptions,
  createOpenApiNodeHttpHandler,
} from 'trpc-to-openapi';
import { allowEmptyBodies } from './empty-body.ts';
import { type RestOperation, toRestOperations } from './rest-operations.ts';
import { type AppRouter, appRouter } from './routers/app-router.ts';
import type { Context } from './trpc.ts';

export interface RestOptions {
  readonly createContext: (request: FastifyRequest, reply: FastifyReply) => Context;
}

/** Routes throw what a procedure threw; the instance's error handler makes an `ApiError` of it. */
export async function registerRest(app: FastifyInstance, { createContext }: RestOptions) {
  allowEmptyBodies(app);
  const answer = createOpenApiNodeHttpHandler({
    router: appRouter,
    createContext: ({ req }) => exchangeOf(req).context,
    onError: ({ req, error }) => {
      exchangeOf(req).failure = error;
    },
  } satisfies CreateOpenApiNodeHttpHandlerOptions<AppRouter, NodeRequest, NodeResponse>);

  for (const operation of toRestOperations(appRouter)) {
    app.route({
      method: operation.method,
      url: operation.url,
      config: { scope: operation.scope, operationId: operation.id },
      handler: async (request, reply) => {
        const exchange: Exchange = { context: createContext(request, reply) };
        const response = createResponse();
        await answer(
          toNodeRequest(request, operation, exchange),
          response as unknown as NodeResponse,
        ); // the handler uses no more of it
        if (exchange.failure !== undefined) throw exchange.failure;
        return send(request, reply, operation, response.body);
      },
    });
  }
}

interface Exchange {
  readonly context: Context;
  failure?: unknown;
}

type NodeRequest = Parameters<ReturnType<typeof createOpenApiNodeHttpHandler>>[0] & {
  readonly exchange?: Exchange;
};
type NodeResponse = Parameters<ReturnType<typeof createOpenApiNodeHttpHandler>>[1];

function exchangeOf(request: NodeRequest): Exchange {
  if (request.exchange === undefined) throw new Error('not a request of this facade');
  return request.exchange;
}

/** The stock handler reads a JSON content type, a parsed body and query, and a path whose segments it does not decode. */
function toNodeRequest(
  request: FastifyRequest,
  operation: RestOperation,
  exchange: Exchange,
): NodeRequest {
  const input = {
    exchange,
    method: operation.method,
    url: operation.toPath(request.params as Record<string, string>), // Fastify's are strings
    headers: jsonHeaders,
    query: operation.toQuery(request.query as Record<string, string | string[]>), // the default parser's type
    body: toBody(request.body, operation),
    signal: exchange.context.signal,
  };
  // A Fetch request is all it needs, and saves it from building one out of a Node request and response.
  return Object.setPrototypeOf(input, Request.prototype) as NodeRequest;
}

const jsonHeaders = new Headers({ 'content-type': 'application/json' });

/** No body, an empty one and `{}` are the same. */
function toBody(body: unknown, { takesInput }: RestOperation): Record<string, unknown> {
  const given = body ?? {};
  if (typeof given !== 'object' || Array.isArray(given))
    throw bodyError('The body must be a JSON object, {} or nothing');
  if (!takesInput && Object.keys(given).length > 0)
    throw bodyError('This takes no body: send {} or nothing');
  return given as Record<string, unknown>; // an object, by the lines above
}

function bodyError(message: string): AppError {
  return new AppError('BAD_REQUEST', message, {
    details: { issues: [{ path: 'body', message }] },
  });
}

function createResponse() {
  return {
    statusCode: 200,
    body: '',
    setHeader() {}, // only ever the JSON content type, which `send` decides
    end(text: string) {
      this.body = text;
    },
  };
}

function send(
  request: FastifyRequest,
  reply: FastifyReply,
  { textField }: RestOperation,
  json: string,
): FastifyReply {
  if (textField !== undefined) {
    reply.header('vary', 'accept');
    if (prefersText(request.headers.accept)) {
      const { [textField]: text } = JSON.parse(json) as Record<string, string>; // our own output, checked by its schema
      return reply.type('text/plain; charset=utf-8').send(text);
    }
  }
  return reply.type('application/json; charset=utf-8').send(json);
}

function prefersText(accept = ''): boolean {
  const types = accept.split(',').map((part) => part.split(';', 1)[0]?.trim().toLowerCase());
  return types.includes('text/plain') && !types.includes('application/json');
}
