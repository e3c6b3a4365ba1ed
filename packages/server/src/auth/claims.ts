// Judges the claims of a token whose origin is proven already; no I/O.

import { z } from 'zod';
import { invalidToken } from './challenge.ts';
import { type Principal, type ScopeNames, toScopes } from './principal.ts';

export interface ClaimRules {
  readonly issuer: string;
  readonly audience: string;
  readonly scopeNames: ScopeNames;
}

/** Clocks may differ by this much, no more. */
const skewSeconds = 30;

const claimsSchema = z.looseObject({
  iss: z.string(),
  sub: z.string().min(1),
  aud: z.union([z.string(), z.array(z.string())]),
  exp: z.number(), // zod's number is finite
  iat: z.number(),
  nbf: z.number().optional(),
  client_id: z.string().min(1),
  // Bound to a key that the caller would have to prove (DPoP, mTLS): as a plain bearer token it may be stolen.
  cnf: z.never().optional(),
});

/** Who an RFC 9068 access token speaks for. Throws `UNAUTHORIZED` for any claim missing, malformed or not for us. */
export function toPrincipal(
  claims: Readonly<Record<string, unknown>>,
  rules: ClaimRules,
  now: Date,
): Principal {
  const parsed = claimsSchema.safeParse(claims);
  if (!parsed.success)
    throw invalidToken('A claim that an access token has is missing or malformed (RFC 9068)');
  const { iss, sub, aud, exp, nbf, iat, client_id: clientId } = parsed.data;
  const nowSeconds = now.getTime() / 1000;
  if (iss !== rules.issuer) throw invalidToken('The token is from another issuer');
  if (![aud].flat().includes(rules.audience))
    throw invalidToken('The token is meant for another audience');
  if (exp <= nowSeconds - skewSeconds) throw invalidToken('The token has expired');
  if (exp > maxInstantSeconds)
    throw invalidToken('The token ends after the year 9999; its exp must be in seconds');
  if (Math.max(nbf ?? 0, iat) > nowSeconds + skewSeconds)
    throw invalidToken('The token is not valid yet');
  return {
    sub,
    clientId,
    scopes: toScopes(grantedScopes(parsed.data), rules.scopeNames),
    expiresAt: new Date(exp * 1000).toISOString(),
  };
}

/** The end of the year 9999, after which ISO 8601 has no timestamp of four-digit years; milliseconds in place of seconds lie beyond it too. */
const maxInstantSeconds = 253_402_300_799;

/** `scope` (RFC 8693) or Authelia's `scp`; where both stand, what both grant. */
export function grantedScopes(claims: Readonly<Record<string, unknown>>): ReadonlySet<string> {
  const scope = toScopeSet(claims.scope);
  const scp = toScopeSet(claims.scp);
  if (scope === undefined || scp === undefined) return scope ?? scp ?? new Set();
  return new Set([...scope].filter((name) => scp.has(name)));
}

function toScopeSet(value: unknown): ReadonlySet<string> | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'string') return new Set(value.split(' '));
  if (Array.isArray(value)) return new Set(value.filter((item) => typeof item === 'string'));
  return new Set();
}
