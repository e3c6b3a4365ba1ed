// What a procedure learns of the request that asks for it.

import type { FastifyReply, FastifyRequest } from 'fastify';
import { createRecordCall } from './audit/record-call.ts';
import type { Authenticate } from './auth/authenticator.ts';
import { createPreferences } from './prefer.ts';
import type { Context } from './trpc.ts';

export type ContextOptions = Pick<
  Context,
  'resourceMetadataUrl' | 'scopeNames' | 'services' | 'audit' | 'streams'
> & { readonly authenticate: Authenticate };

export type CreateContext = (request: FastifyRequest, reply: FastifyReply) => Context;

/** For requests that the guard has let in. */
export function createContextFactory({ authenticate, ...options }: ContextOptions): CreateContext {
  return (request, reply) => {
    if (request.principal === undefined) throw new Error('the guard did not see this request');
    return {
      ...options,
      requestId: request.id,
      principal: request.principal,
      authenticate: () => authenticate(request.raw.headersDistinct.authorization),
      recordCall: createRecordCall(options.audit, request),
      preferences: createPreferences(request.headers.prefer),
      signal: signalOf(reply),
    };
  };
}

/** Aborts when the connection goes before the answer has; is so already when it went while the token was checked. */
function signalOf({ raw }: FastifyReply): AbortSignal {
  if (raw.destroyed) return AbortSignal.abort();
  const controller = new AbortController();
  raw.once('close', () => {
    if (!raw.writableFinished) controller.abort();
  });
  return controller.signal;
}
