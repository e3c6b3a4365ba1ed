// The REST facade: a Fastify route for each procedure, answered by trpc-to-openapi; its gaps are filled here.

import { Readable } from 'node:stream';
import { maxLogBytes } from '@ondemand/core';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import {
  type CreateOpenApiNodeHttpHandlerOptions,
  createOpenApiNodeHttpHandler,
} from 'trpc-to-openapi';
import { badInput, badPart, unknownKey } from '../http/bad-input.ts';
import { type AppRouter, appRouter } from '../procedures/app-router.ts';
import type { Context } from '../procedures/base.ts';
import { prefersText } from './accept-header.ts';
import { allowEmptyBodies } from './empty-body.ts';
import { type RestOperation, toRestOperations } from './operations.ts';
import type { Query } from './query.ts';
import { toAcceptedJob } from './started-job.ts';
import { toJsonPieces } from './text-pieces.ts';

export interface RestOptions {
  readonly createContext: (request: FastifyRequest, reply: FastifyReply) => Context;
}

/** Routes throw what a procedure threw; the instance's error handler makes an `ApiError` of it. */
export async function registerRest(app: FastifyInstance, { createContext }: RestOptions) {
  allowEmptyBodies(app);
  const exchanges = new WeakMap<Context, Exchange>();
  const answer = createOpenApiNodeHttpHandler({
    router: appRouter,
    createContext: ({ req }) => exchangeOf(req).context,
    responseMeta: ({ ctx, data: [output] }) => {
      const exchange = ctx && exchanges.get(ctx);
      if (exchange?.pieces !== undefined) dropText(exchange, output);
      if (exchange !== undefined) exchange.acceptedJob = toAcceptedJob(output);
      return {};
    },
    onError: ({ req, error }) => {
      exchangeOf(req).failure = error;
    },
  } satisfies CreateOpenApiNodeHttpHandlerOptions<AppRouter, NodeRequest, NodeResponse>);

  for (const operation of toRestOperations(appRouter)) {
    app.route({
      method: operation.method,
      url: operation.url,
      config: {
        scope: operation.scope,
        operationId: operation.id,
        ...(operation.method !== 'GET' && { auditPath: operation.path }),
      },
      handler: async (request, reply) => {
        const { textField } = operation;
        const exchange: Exchange = {
          context: {
            ...createContext(request, reply),
            longText: {
              maxBytes: maxLogBytes,
              take(text) {
                request.holdBytes(text.bytes);
                exchange.pieces = text.pieces();
                return '';
              },
            },
          },
          textField,
        };
        exchanges.set(exchange.context, exchange);
        const response = createResponse();
        await answer(
          toNodeRequest(request, operation, exchange),
          response as unknown as NodeResponse,
        ); // the handler uses no more of it
        addPreferenceApplied(reply, exchange.context);
        if (exchange.failure !== undefined) throw exchange.failure;
        if (exchange.acceptedJob !== undefined) accept(reply, exchange.acceptedJob);
        return send(request, reply, exchange, response.body);
      },
    });
  }
}

interface Exchange {
  readonly context: Context;
  readonly textField: string | undefined;
  pieces?: Iterable<string>;
  acceptedJob?: string | undefined;
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
    query: operation.toQuery(request.query as Query), // the default parser's type
    body: toBody(request.body, operation),
    signal: exchange.context.signal,
  };
  // A Fetch request is all it needs, and saves it from building one out of a Node request and response.
  return Object.setPrototypeOf(input, Request.prototype) as NodeRequest;
}

const jsonHeaders = new Headers({ 'content-type': 'application/json' });

/** No body, an empty one and `{}` are the same. What stands in the path is refused beside it, rather than passed over. */
function toBody(body: unknown, { takesInput, inPath }: RestOperation): Record<string, unknown> {
  const given = body ?? {};
  if (typeof given !== 'object' || Array.isArray(given))
    throw badPart('body', 'The body must be a JSON object, {} or nothing');
  if (!takesInput && Object.keys(given).length > 0)
    throw badPart('body', 'This takes no body: send {} or nothing');
  const misplaced = Object.keys(given).filter((name) => inPath.has(name));
  if (misplaced.length > 0) throw badInput(misplaced.map(unknownKey));
  return given as Record<string, unknown>; // an object, by the lines above
}

/** A long text goes out in pieces, beside what else the answer says as JSON. */
function dropText({ textField }: Exchange, output: unknown): void {
  if (textField === undefined || output === undefined) return;
  delete (output as Record<string, unknown>)[textField]; // an operation with a text field answers with an object, fresh from its schema
}

/** https://www.rfc-editor.org/rfc/rfc7240#section-4.1 */
function accept(reply: FastifyReply, job: string): void {
  reply.code(202).header('location', `/jobs/${job}`);
}

/** https://www.rfc-editor.org/rfc/rfc7240#section-3 */
function addPreferenceApplied(reply: FastifyReply, { preferences: { applied } }: Context): void {
  if (applied !== undefined) reply.header('preference-applied', applied);
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
  { textField, pieces }: Exchange,
  json: string,
): FastifyReply {
  if (textField === undefined || pieces === undefined)
    return reply.type('application/json; charset=utf-8').send(json);
  reply.header('vary', 'accept');
  return prefersText(request.headers.accept, 'application/json')
    ? reply.type('text/plain; charset=utf-8').send(toStream(pieces))
    : reply
        .type('application/json; charset=utf-8')
        .send(toStream(toJsonPieces(json, textField, pieces)));
}

function toStream(pieces: Iterable<string>): Readable {
  return Readable.from(pieces, { objectMode: false });
}
