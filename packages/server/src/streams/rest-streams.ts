// The streams in REST: a GET route for each subscription, answered by the same procedure, as server-sent events or bare text.

import type { FastifyInstance } from 'fastify';
import { toAppError } from '../http/api-error.ts';
import { appRouter } from '../procedures/app-router.ts';
import type { CreateContext } from '../procedures/create-context.ts';
import { namesEventStream, prefersTextStream } from '../rest/accept-header.ts';
import type { Query } from '../rest/query.ts';
import { interruptedItems } from './interruptible-stream.ts';
import { toStreamRoutes } from './routes.ts';
import { lastEventIdOf, sendStream } from './send.ts';
import { pingMs, toBareText, toSse } from './sse.ts';
import { isClosingError } from './stream-registry.ts';

export interface StreamsOptions {
  readonly createContext: CreateContext;
  readonly resourceMetadataUrl: string;
}

/** What fails before a stream is open is thrown, for the instance's error handler. */
export async function registerStreams(app: FastifyInstance, options: StreamsOptions) {
  const { createContext, resourceMetadataUrl } = options;
  for (const route of toStreamRoutes(appRouter)) {
    const { text } = route.operation;
    app.route({
      method: ['GET', 'HEAD'],
      exposeHeadRoute: false, // the stock one reads a stream to its end
      url: route.url,
      config: { scopes: route.scopes, operationId: route.id },
      handler: async (request, reply) => {
        const input = route.toInput({
          parameters: request.params as Record<string, string>, // Fastify's are strings
          query: request.query as Query, // the default parser's type
          lastEventId: lastEventIdOf(request),
        });
        const opening = route.open(createContext(request, reply), input);
        const items = await opening.catch((error: unknown) => {
          // Any answer but 200 would end an EventSource for good; so it is told to come back, and finds another process.
          if (isClosingError(toAppError(error)) && namesEventStream(request.headers.accept))
            return interruptedItems;
          throw error;
        });
        const isText = text !== undefined && prefersTextStream(request.headers.accept);
        if (text !== undefined) reply.header('vary', 'accept');
        const about = { stream: route.id, ...(request.params as Record<string, string>) };
        const encoding = isText ? toBareText(text) : toSse(about);
        return sendStream(request, reply, { items, encoding, resourceMetadataUrl, pingMs });
      },
    });
  }
}
