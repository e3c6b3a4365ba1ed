// Sends an open stream as the answer to a request, on either transport.

import type { FastifyReply, FastifyRequest } from 'fastify';
import { toErrorResponse } from '../http/api-error.ts';
import { logError } from '../http/error-handlers.ts';
import { createItemStream, type Encoding } from './byte-stream.ts';
import type { StreamItems } from './interruptible-stream.ts';

export interface StreamAnswer<Item> {
  readonly items: StreamItems<Item>;
  readonly encoding: Encoding<Item>;
  readonly resourceMetadataUrl: string;
  readonly pingMs: number;
}

/** Sends the headers at once. Later failures are reported in the stream, and in the log. */
export function sendStream<Item>(
  request: FastifyRequest,
  reply: FastifyReply,
  { items, encoding, resourceMetadataUrl, pingMs }: StreamAnswer<Item>,
): FastifyReply {
  reply.headers({
    'content-type': encoding.contentType,
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no', // for nginx, which would collect
  });
  if (request.method === 'HEAD') {
    void items[Symbol.asyncIterator]().return?.();
    return reply.send();
  }
  const stream = createItemStream(items, {
    encoding,
    pingMs,
    takeTurn: request.server.takeTurn,
    toFailure(error) {
      const response = toErrorResponse(error, { requestId: request.id, resourceMetadataUrl });
      logError(request, error, response.status);
      return response;
    },
  });
  items.onInterrupted(() => {
    setTimeout(() => {
      if (!reply.raw.writableFinished) reply.raw.destroy(); // by a reader who takes nothing
    }, farewellMs).unref();
  });
  stream.once('resume', () => reply.raw.flushHeaders()); // Fastify has set them by then
  return reply.send(stream);
}

/** `Last-Event-ID`, which an EventSource sends when it connects again; empty is none. */
export function lastEventIdOf({ headers }: FastifyRequest): string | undefined {
  return [headers['last-event-id']].flat().join() || undefined;
}

/** So long a reader may take to read the last words. */
const farewellMs = 1000;
