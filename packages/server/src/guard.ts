// Who may come in: every route and every unknown path needs a valid token, unless it is declared public.

import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Authenticate } from './auth/authenticator.ts';
import { type Principal, requireScope, type Scope, type ScopeNames } from './auth/principal.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Needs no token. */
    readonly isPublic?: boolean;
    /** Checked before the body is read; tRPC's procedures check their own. */
    readonly scope?: Scope;
    readonly operationId?: string;
  }
  interface FastifyRequest {
    /** Set once the guard let the request in. */
    principal: Principal | undefined;
  }
}

export interface GuardOptions {
  readonly authenticate: Authenticate;
  readonly scopeNames: ScopeNames;
}

/** Runs before routing's other hooks, so that authentication comes before validation and existence. */
export function addGuard(app: FastifyInstance, options: GuardOptions): void {
  app.decorateRequest('principal', undefined);
  app.addHook('onRequest', async (request) => {
    if (request.routeOptions.config.isPublic !== true) await admit(request, options);
  });
}

/** Throws what authentication throws, and `FORBIDDEN` when the route's scope is missing. */
export async function admit(
  request: FastifyRequest,
  { authenticate, scopeNames }: GuardOptions,
): Promise<void> {
  const principal = await authenticate(request.raw.headersDistinct.authorization);
  const { scope } = request.routeOptions.config;
  if (scope !== undefined) requireScope(principal, scope, scopeNames);
  request.principal = principal;
}
