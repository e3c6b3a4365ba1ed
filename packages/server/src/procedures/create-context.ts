// The context of a procedure: what it knows about its request.

import { setMaxListeners } from 'node:events';
import { maxLogBytes } from '@ondemand/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { createRecordCall } from '../audit/record-call.ts';
import type { Authenticate } from '../auth/authenticator.ts';
import type { AnswerBudget } from '../limits/unread-answer-bytes.ts';
import { createPreferences } from '../rest/prefer-header.ts';
import type { Context } from './base.ts';

export type ContextOptions = Pick<
  Context,
  'resourceMetadataUrl' | 'scopeNames' | 'services' | 'audit' | 'streams' | 'shares'
> & { readonly authenticate: Authenticate; readonly budget: AnswerBudget };

export type CreateContext = (request: FastifyRequest, reply: FastifyReply) => Context;

/** For requests that the guard has let in. */
export function createContextFactory({
  resourceMetadataUrl,
  scopeNames,
  services,
  audit,
  streams,
  shares,
  authenticate,
  budget,
}: ContextOptions): CreateContext {
  return (request, reply) => {
    const { principal } = request;
    if (principal === undefined) throw new Error('the guard did not see this request');
    const signal = signalOf(reply);
    // Each by its name: spread here, they would cost as much as all of tRPC.
    return {
      resourceMetadataUrl,
      scopeNames,
      services,
      audit,
      streams,
      shares,
      requestId: request.id,
      principal,
      openCharge: () => budget.open(principal.sub),
      // For tRPC, whose answers are one JSON text: that and its bytes take several times the room.
      longText: {
        maxBytes: maxLogBytes / 2,
        take(text) {
          request.holdBytes(text.bytes);
          return [...text.pieces()].join('');
        },
      },
      authenticate: () => authenticate(request.raw.headersDistinct.authorization),
      recordCall: createRecordCall(audit, request),
      preferences: createPreferences(request.headers.prefer),
      signal,
      asReader: (work = 'reads') => ({
        signal,
        share: {
          owner: principal.sub,
          enter: (waiting) => shares[work].enter(principal.sub, waiting),
        },
      }),
    };
  };
}

/** Aborts when the connection goes before the answer has; is so already when it went while the token was checked. */
function signalOf({ raw }: FastifyReply): AbortSignal {
  if (raw.destroyed) return AbortSignal.abort();
  const controller = new AbortController();
  setMaxListeners(0, controller.signal); // the calls of a batch share it
  raw.once('close', () => {
    if (!raw.writableFinished) controller.abort();
  });
  return controller.signal;
}
