// Authenticates an HTTP request by its bearer token, of any kind.

import { parseBearer } from './bearer.ts';
import { invalidToken } from './challenge.ts';
import type { ClaimRules } from './claims.ts';
import { createDiscovery } from './discovery.ts';
import { createIntrospector, type IntrospectionClient } from './introspection.ts';
import { createIssuerHttp, type IssuerHttp } from './issuer-http.ts';
import { createJwtVerifier } from './jwt.ts';
import { hasJwtForm } from './jwt-header.ts';
import { createKeySet } from './key-set.ts';
import { anyOrigin, type Origin, type Principal } from './principal.ts';

/**
 * Resolves with the caller. Throws `BAD_REQUEST`, `UNAUTHORIZED`, or `SERVICE_UNAVAILABLE` when that cannot be told,
 * and what the origin's own limit throws before the issuer is asked about an unknown token.
 */
export type Authenticate = (
  authorization: readonly string[] | undefined,
  origin?: Origin,
) => Promise<Principal>;

export interface AuthenticatorOptions extends ClaimRules {
  /** Discovered where they are not given. */
  readonly jwksUri?: string | undefined;
  readonly introspectionUri?: string | undefined;
  /** Which `typ` a JWT may have, in lower case; RFC 9068's if left out. */
  readonly typs?: readonly string[] | undefined;
  /** Given: tokens that are no JWTs are accepted too, by introspection. */
  readonly client?: IntrospectionClient | undefined;
  /** How the issuer is asked. */
  readonly http?: IssuerHttp;
  /** In milliseconds, never going back: what ages and waits are measured by. */
  readonly now?: () => number;
  /** The time of day, which a token's own times are judged by; it may be set back. */
  readonly date?: () => Date;
}

export interface Authenticator {
  readonly authenticate: Authenticate;
  /** Rejects with `SERVICE_UNAVAILABLE` while tokens cannot be checked. */
  readonly checkReady: () => Promise<void>;
  /** Whether the issuer gave its keys when it was last asked; for metrics, as callers go on with the last good ones for a while. */
  readonly issuerAnswers: () => Promise<boolean>;
  /** Rejects with `SERVICE_UNAVAILABLE`, whose cause says why, where nothing that the issuer is to be asked can be found. */
  readonly checkIssuer: () => Promise<void>;
}

/** A JWT that failed is never taken to introspection. */
export function createAuthenticator({
  jwksUri,
  introspectionUri,
  client,
  typs,
  http = createIssuerHttp(),
  now = () => performance.now(),
  date = () => new Date(),
  ...rules
}: AuthenticatorOptions): Authenticator {
  const discovery = createDiscovery({ issuer: rules.issuer, http });
  const keys = createKeySet({ http, discovery, jwksUri, now });
  const verifyJwt = createJwtVerifier({ keys, rules, typs, date });
  const verifyOpaque =
    client === undefined
      ? refuseOpaque
      : createIntrospector({ http, discovery, rules, client, introspectionUri, now, date });

  return {
    async authenticate(authorization, origin = anyOrigin) {
      const token = parseBearer(authorization);
      return hasJwtForm(token) ? verifyJwt(token, origin) : verifyOpaque(token, origin);
    },
    checkReady: () => keys.load(),
    issuerAnswers: () => keys.answers(),
    checkIssuer: () => keys.locate(),
  };
}

function refuseOpaque(): never {
  throw invalidToken(
    'The token is opaque, and this API is set up to take JWTs alone; have the issuer give JWTs, or set OIDC_CLIENT_ID and OIDC_CLIENT_SECRET',
  );
}
