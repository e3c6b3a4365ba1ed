// From an HTTP request's headers to who is calling, by whatever kind of token they hold.

import { parseBearer } from './bearer.ts';
import { invalidToken } from './challenge.ts';
import type { ClaimRules } from './claims.ts';
import { createIssuerHttp, type Fetch } from './issuer-http.ts';
import { createJwtVerifier, hasJwtForm } from './jwt.ts';
import { createKeySet } from './key-set.ts';
import type { Principal } from './principal.ts';

/** Resolves with the caller. Throws `BAD_REQUEST`, `UNAUTHORIZED`, or `SERVICE_UNAVAILABLE` when that cannot be told. */
export type Authenticate = (authorization: readonly string[] | undefined) => Promise<Principal>;

export interface AuthenticatorOptions extends ClaimRules {
  readonly jwksUri?: string | undefined;
  readonly fetch?: Fetch;
}

export interface Authenticator {
  readonly authenticate: Authenticate;
  /** Rejects with `SERVICE_UNAVAILABLE` while tokens cannot be checked. */
  readonly checkReady: () => Promise<void>;
}

export function createAuthenticator({
  jwksUri,
  fetch,
  ...rules
}: AuthenticatorOptions): Authenticator {
  const http = createIssuerHttp(fetch === undefined ? {} : { fetch });
  const keys = createKeySet({ issuer: rules.issuer, http, jwksUri });
  const verifyJwt = createJwtVerifier({ keys, rules });

  return {
    async authenticate(authorization) {
      const token = parseBearer(authorization);
      if (hasJwtForm(token)) return verifyJwt(token);
      throw invalidToken('The token is not a JWT, the only kind that this API is set up to take');
    },
    checkReady: () => keys.load(),
  };
}
