// The REST facade: a Fastify route for each procedure, which is called inside the process.

import { maxLogBytes } from '@ondemand/core';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { appRouter } from '../procedures/app-router.ts';
import type { Context } from '../procedures/base.ts';
import type { CreateContext } from '../procedures/create-context.ts';
import { prefersText } from './accept-header.ts';
import { allowEmptyBodies } from './empty-body.ts';
import { type RestOperation, toRestOperations } from './operations.ts';
import type { Query } from './query.ts';
import { collectLongText, toJsonPieces, toTextStream } from './send-long-text.ts';
import { toProgressPath } from './started-job.ts';

export interface RestOptions {
  readonly createContext: CreateContext;
}

/** Routes throw what a procedure threw; the instance's error handler makes an `ApiError` of it. */
export async function registerRest(app: FastifyInstance, { createContext }: RestOptions) {
  allowEmptyBodies(app);
  for (const operation of toRestOperations(appRouter)) {
    const answer = operation.textField === undefined ? answerJson : answerText;
    app.route({
      method: operation.method,
      url: operation.url,
      config: {
        scopes: operation.scopes,
        operationId: operation.id,
        ...(operation.method !== 'GET' && { auditPath: operation.path }),
      },
      handler: (request, reply) =>
        answer({ operation, request, reply, context: createContext(request, reply) }),
    });
  }
}

interface Exchange {
  readonly operation: RestOperation;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly context: Context;
}

async function answerJson(exchange: Exchange): Promise<FastifyReply> {
  const output = await call(exchange, exchange.context);
  return exchange.reply.type(jsonType).send(JSON.stringify(output));
}

/** A long text goes out in pieces, beside what else the answer says as JSON. */
async function answerText(exchange: Exchange): Promise<FastifyReply> {
  const { operation, request, reply, context } = exchange;
  const { takeTurn } = request.server;
  const { textField = '' } = operation;
  const { longText, taken } = collectLongText(request, maxLogBytes);
  const output = await call(exchange, { ...context, longText });
  const { [textField]: short, ...others } = output as Readonly<Record<string, unknown>>; // an operation with a text field answers with an object
  const text = taken();
  reply.header('vary', 'accept');
  if (prefersText(request.headers.accept, 'application/json'))
    return reply
      .type('text/plain; charset=utf-8')
      .send(text === undefined ? String(short) : toTextStream(text.pieces(), takeTurn));
  reply.type(jsonType);
  if (text === undefined) return reply.send(JSON.stringify(output));
  const json = toJsonPieces(JSON.stringify(others), textField, text.pieces());
  return reply.send(toTextStream(json, takeTurn));
}

const jsonType = 'application/json; charset=utf-8';

async function call({ operation, request, reply }: Exchange, context: Context): Promise<unknown> {
  const input = operation.toInput({
    parameters: request.params as Record<string, string>, // Fastify's are strings
    query: request.query as Query, // the default parser's type
    body: request.body,
  });
  try {
    const output = await operation.call(context, input);
    const path = operation.method === 'GET' ? undefined : toProgressPath(output);
    if (path !== undefined) reply.code(202).header('location', path); // https://www.rfc-editor.org/rfc/rfc7240#section-4.1
    return output;
  } finally {
    const { applied } = context.preferences;
    if (applied !== undefined) reply.header('preference-applied', applied); // https://www.rfc-editor.org/rfc/rfc7240#section-3
  }
}
