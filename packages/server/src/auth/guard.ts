// Authentication and rate limit of every request: each route and each unknown path needs a valid token, unless it is declared public.

import { type AppError, isAppError } from '@ondemand/core';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type RateLimit, toNetwork } from '../limits/rate-limit.ts';
import { countCalls } from '../trpc/batch.ts';
import type { Authenticate } from './authenticator.ts';
import {
  type AnyScope,
  type Origin,
  type Principal,
  requireScope,
  type ScopeNames,
} from './principal.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Needs no token. */
    readonly isPublic?: boolean;
    /** Asked every few seconds, so that its answers are no news for the log. */
    readonly isProbe?: boolean;
    /** Checked before the body is read; tRPC's procedures check their own. */
    readonly scopes?: AnyScope;
    readonly operationId?: string;
  }
  interface FastifyRequest {
    /** Where it came from; kept, because a socket that has gone no longer tells. */
    address: string;
    /** Set once the token proved to be valid, whatever it allows. */
    principal: Principal | undefined;
  }
}

export interface GuardOptions {
  readonly authenticate: Authenticate;
  readonly scopeNames: ScopeNames;
  readonly rateLimit: RateLimit;
}

/** Runs before routing's other hooks, so that authentication comes before validation and existence. */
export function addGuard(app: FastifyInstance, options: GuardOptions): void {
  app.decorateRequest('address', '');
  app.decorateRequest('principal', undefined);
  app.addHook('onRequest', (request, _reply, done) =>
    request.routeOptions.config.isPublic === true ? done() : admit(request, options),
  );
}

/** Throws what authentication throws, `TOO_MANY_REQUESTS` above a limit, and `FORBIDDEN` when the route's scope is missing. */
export async function admit(request: FastifyRequest, options: GuardOptions): Promise<void> {
  const { rateLimit, scopeNames } = options;
  const principal = await identify(request, options);
  request.principal = principal;
  await rateLimit.countCalls(principal.sub, countCalls(request));
  const { scopes } = request.routeOptions.config;
  if (scopes !== undefined) requireScope(principal, scopes, scopeNames);
}

/** Only failures are held against an address: behind a proxy it is everybody's, and a valid token must go on working. */
async function identify(
  request: FastifyRequest,
  { authenticate, rateLimit }: GuardOptions,
): Promise<Principal> {
  try {
    return await authenticate(
      request.raw.headersDistinct.authorization,
      toOrigin(request.address, rateLimit),
    );
  } catch (error) {
    if (isAppError(error) && isFailedAttempt(error)) await rateLimit.countFailure(request.address);
    throw error;
  }
}

/** The issuer is not asked about unknown tokens of an address that may not fail any more. */
export function toOrigin(address: string, rateLimit: RateLimit): Origin {
  return {
    network: toNetwork(address),
    requireAttempt: () => rateLimit.requireAttempt(address),
  };
}

/**
 * Credentials that were refused, or unknown ones beyond what is checked;
 * unlike an issuer out of reach, and unlike none at all, which is how a client asks what is wanted.
 */
function isFailedAttempt({ code, details }: AppError): boolean {
  if (details.reason === 'TOKEN_NOT_CHECKED') return true;
  return (code === 'UNAUTHORIZED' || code === 'BAD_REQUEST') && details.reason !== undefined;
}
