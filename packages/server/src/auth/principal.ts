// The caller and its permissions; the same for every kind of token.

import { z } from 'zod';
import { toShortText } from '../http/truncate-text.ts';
import { insufficientScope } from './challenge.ts';

/** Our own names; the issuer's are configured (`OIDC_READ_SCOPE`, `OIDC_WAKE_SCOPE`, `OIDC_ADMIN_SCOPE`). */
export const scopes = ['read', 'wake', 'admin'] as const;
export type Scope = (typeof scopes)[number];

/** Each of them is enough. */
export type AnyScope = readonly [Scope, ...Scope[]];

/** The issuer's name of each scope. */
export type ScopeNames = Readonly<Record<Scope, string>>;

export const whoamiSchema = z
  .object({
    sub: z.string().describe('The subject of the token'),
    clientId: z.string().describe('The OAuth client that the token was issued to'),
    scopes: z.array(z.enum(scopes)).describe('What the token allows; admin implies read and wake'),
    expiresAt: z.iso.datetime().describe('ISO 8601 timestamp'),
  })
  .meta({ id: 'Whoami', description: 'Who the token speaks for and what it allows' });

export type Principal = z.infer<typeof whoamiSchema> & {
  /** Its issuer may take the token back before it ends, and says so only when it is asked. */
  readonly isRevocable?: true;
};

/** What the issuer granted, in our names. Exact matches only; `admin` implies the others. */
export function toScopes(granted: ReadonlySet<string>, names: ScopeNames): Scope[] {
  return granted.has(names.admin)
    ? [...scopes]
    : scopes.filter((scope) => granted.has(names[scope]));
}

/** Throws `FORBIDDEN` unless the caller holds one of the scopes. */
export function requireScope(principal: Principal, enough: AnyScope, names: ScopeNames): void {
  if (!enough.some((scope) => principal.scopes.includes(scope)))
    throw insufficientScope(
      enough.map((scope) => names[scope]),
      principal.scopes.map((each) => names[each]),
    );
}

/** Where a token came from, as far as it decides whether the issuer may be asked about it. */
export interface Origin {
  /** An IPv4 address or an IPv6 /64. */
  readonly network: string;
  /** Throws `TOO_MANY_REQUESTS` where too many tokens from there were no good. */
  readonly requireAttempt: () => Promise<void>;
}

/** For callers who are not counted. */
export const anyOrigin: Origin = { network: 'any', requireAttempt: async () => {} };

/** Who a lease or a job is kept for: a token may name its subject at any length. */
export function toOwner({ sub, clientId }: Principal): Pick<Principal, 'sub' | 'clientId'> {
  return { sub: toShortText(sub), clientId: toShortText(clientId) };
}
