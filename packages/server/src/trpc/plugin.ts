// tRPC at /trpc, on Fastify; its adapter answers what is no plain call, and refusals before a procedure come in the same envelope.

import { type FastifyHandlerOptions, fastifyRequestHandler } from '@trpc/server/adapters/fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { toErrorResponse } from '../http/api-error.ts';
import { logError } from '../http/error-handlers.ts';
import { type AppRouter, appRouter } from '../procedures/app-router.ts';
import { type Context, tieContext, trpcPrefix } from '../procedures/base.ts';
import type { CreateContext } from '../procedures/create-context.ts';
import { createAllowedMethods } from './allowed-methods.ts';
import { maxBatchSize, refuseLargeBatches } from './batch.ts';
import { createTrpcCalls } from './queries-and-mutations.ts';
import { createTrpcStreams } from './subscriptions.ts';

export interface TrpcOptions {
  readonly createContext: CreateContext;
  readonly resourceMetadataUrl: string;
}

export async function registerTrpc(app: FastifyInstance, options: TrpcOptions) {
  const { createContext, resourceMetadataUrl } = options;
  app.removeAllContentTypeParsers(); // others than the two that the adapter reads are 415
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) =>
    done(null, body),
  );
  app.addContentTypeParser('multipart/form-data', (_request, body, done) => done(null, body));
  app.addHook('preHandler', ({ raw: { method, headers } }, _reply, done) => {
    if (method !== 'POST') headers['content-type'] = 'application/json'; // what it types is not read, and tRPC would refuse the method for it without saying which are allowed
    headers['content-type'] ??= 'application/json'; // a mutation without input has no body to type
    done();
  });
  refuseLargeBatches(app);
  app.addHook('preHandler', createTrpcStreams(options));
  app.addHook('preHandler', createTrpcCalls(options));
  const handling = {
    router: appRouter,
    maxBatchSize,
    createContext: ({ req, res }) => createContext(req, res),
    onError({ error, req, ctx, path }) {
      const context = { requestId: req.id, resourceMetadataUrl };
      if (ctx === undefined) tieContext(error, context);
      // Neither reaches a procedure, which would leave the line itself.
      if (ctx === undefined) req.refusalWritten = req.recordRefusal(error);
      else if (error.code === 'METHOD_NOT_SUPPORTED' && path !== undefined)
        req.refusalWritten = req.recordRefusal(error, path);
      logError(req, error, toErrorResponse(error, context).status);
    },
    responseMeta({ errors, ctx }) {
      return { headers: toHeaders(errors, ctx) };
    },
  } satisfies FastifyHandlerOptions<AppRouter, FastifyRequest, FastifyReply>;
  // Other methods get no further than the check of routes: the adapter fails at some, such as TRACE.
  app.route<{ Params: { path: string } }>({
    method: ['GET', 'HEAD', 'POST'],
    url: `${trpcPrefix}/:path`,
    config: { allowedMethods: createAllowedMethods(appRouter) },
    handler: (req, res) => fastifyRequestHandler({ ...handling, req, res, path: req.params.path }),
  });
}

function toHeaders(errors: readonly unknown[], context: Context | undefined): Headers {
  const headers = new Headers();
  if (context === undefined) {
    headers.set('content-type', 'application/json'); // tRPC leaves it out of what fails this early
    return headers;
  }
  const { applied } = context.preferences;
  if (applied !== undefined) headers.set('preference-applied', applied);
  for (const error of errors)
    for (const [name, value] of Object.entries(toErrorResponse(error, context).headers))
      headers.set(name, value);
  return headers;
}
