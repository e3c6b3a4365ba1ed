// Answers subscriptions in tRPC's form instead of its adapter, which writes each line of an event by itself and answers 200 to what fails at once.

import { AppError } from '@ondemand/core';
import { TRPCError } from '@trpc/server';
import type { FastifyRequest, preHandlerHookHandler } from 'fastify';
import { appRouter } from '../procedures/app-router.ts';
import type { StreamItems } from '../streams/interruptible-stream.ts';
import { type StreamRoute, toStreamRoutes } from '../streams/routes.ts';
import { lastEventIdOf, sendStream } from '../streams/send.ts';
import { type Item, pingMs, toTrpcSse } from '../streams/sse.ts';
import { isBatch, toProcedurePath } from './batch.ts';
import type { TrpcOptions } from './plugin.ts';

/** A `preHandler` of tRPC's own route. Leaves to the adapter what is no single call of a subscription. */
export function createTrpcStreams({
  createContext,
  resourceMetadataUrl,
}: TrpcOptions): preHandlerHookHandler {
  const routes = new Map(toStreamRoutes(appRouter).map((route) => [route.procedure, route]));
  // With a callback: after a promise the adapter would answer too, to a reader who has left.
  return (request, reply, done) => {
    const path = toProcedurePath(request);
    const route = routes.get(path);
    const query = request.query as Query;
    if (route === undefined || request.method === 'HEAD' || isBatch(request)) done();
    else if (request.method !== 'GET') done(notGet());
    else answer(route).catch(isEventSource(request) ? refuse : done);

    async function answer({ open }: StreamRoute): Promise<void> {
      const input = toInput(query, lastEventIdOf(request));
      send(await open(createContext(request, reply), input));
    }

    function refuse(error: unknown): void {
      send(toFailedItems(error));
    }

    function send(items: StreamItems<Item>): void {
      const encoding = toTrpcSse(path);
      sendStream(request, reply, { items, encoding, resourceMetadataUrl, pingMs });
    }
  };
}

/** As tRPC's link is one: it cannot read the body of a refusal, so that comes as an event. */
function isEventSource({ headers }: FastifyRequest): boolean {
  return headers.accept?.trim().toLowerCase() === 'text/event-stream';
}

function toFailedItems(error: unknown): StreamItems<Item> {
  return {
    onInterrupted() {},
    [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(error) }),
  };
}

function notGet(): AppError {
  return new AppError('METHOD_NOT_ALLOWED', 'A subscription is asked for with GET', {
    details: { allow: ['GET'] },
  });
}

/** As the default parser gives it. */
type Query = Readonly<Record<string, string | string[] | undefined>>;

/** As tRPC's adapter does: the header before the query, and both before what the input says. */
function toInput(query: Query, header?: string): unknown {
  const input = query.input === undefined ? undefined : parseInput([query.input].flat()[0]);
  const lastEventId = header ?? [query.lastEventId ?? query['Last-Event-Id']].flat()[0];
  if (lastEventId === undefined || lastEventId === '') return input;
  if (input === undefined || input === null) return { lastEventId };
  return typeof input === 'object' ? { ...input, lastEventId } : input;
}

function parseInput(text = ''): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new TRPCError({ code: 'PARSE_ERROR', cause });
  }
}
