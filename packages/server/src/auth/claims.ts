// Validates the claims of a token whose signature is verified elsewhere; no I/O. Each refusal has its own message.

import { invalidToken } from './challenge.ts';
import { type Principal, type ScopeNames, toScopes } from './principal.ts';

export type Claims = Readonly<Record<string, unknown>>;

export interface ClaimRules {
  readonly issuer: string;
  readonly audience: string;
  readonly scopeNames: ScopeNames;
  /** Where scopes are read: names of claims, or paths into them; `scope` and `scp` if left out. */
  readonly scopesClaims?: readonly string[] | undefined;
}

/** Clocks may differ by this much, no more. */
export const skewSeconds = 30;

export interface Judged {
  readonly claims: Claims;
  /** What the claims are of, as the subject of a sentence. */
  readonly source?: string;
  readonly now: Date;
}

/** Who an RFC 9068 access token speaks for. Throws `UNAUTHORIZED` for any claim missing, malformed or not for us. */
export function toPrincipal(
  { claims, source = 'The token', now }: Judged,
  rules: ClaimRules,
): Principal {
  const { read, readOptional } = createReader(claims, source);
  const iss = read('iss', isText);
  if (iss !== rules.issuer)
    throw invalidToken(`${source} is from another issuer than OIDC_ISSUER, ${rules.issuer}`);
  const aud = [read('aud', isAudience)].flat();
  if (!aud.includes(rules.audience))
    throw invalidToken(
      `${source} is meant for another audience; its aud must hold OIDC_AUDIENCE, ${rules.audience}`,
    );
  const exp = read('exp', Number.isFinite);
  const iat = read('iat', Number.isFinite);
  const nbf = readOptional('nbf', Number.isFinite) ?? iat;
  judgeTimes({ exp, iat, nbf, source, nowSeconds: now.getTime() / 1000 });
  const sub = read('sub', isText);
  const clientId = read('client_id', isText);
  if (claims.cnf !== undefined)
    throw invalidToken(
      `${source} is bound to a key (cnf: DPoP or mTLS), and this API checks no such proof; ask the issuer for plain bearer tokens`,
    );
  return {
    sub,
    clientId,
    scopes: toScopes(grantedScopes(claims, rules.scopesClaims), rules.scopeNames),
    expiresAt: new Date(exp * 1000).toISOString(),
  };
}

/** Whether claims that were taken once are still, at this time of day. */
export function isTimely({ exp, iat, nbf = iat }: Claims, now: Date): boolean {
  const nowSeconds = now.getTime() / 1000;
  const begins = Math.max(Number(iat), Number(nbf));
  return Number(exp) > nowSeconds - skewSeconds && begins <= nowSeconds + skewSeconds;
}

/** What the configured claims grant; where several stand, what all of them grant. `scope` is RFC 8693's, `scp` Authelia's. */
export function grantedScopes(
  claims: Claims,
  names: readonly string[] = ['scope', 'scp'],
): ReadonlySet<string> {
  const sets = names
    .map((name) => toScopeSet(claimAt(claims, name)))
    .filter((set) => set !== undefined);
  const [first = new Set<string>(), ...others] = sets;
  return new Set([...first].filter((name) => others.every((other) => other.has(name))));
}

/** A claim by its own name, which may hold dots, else by the path that the dots make. */
function claimAt(claims: Claims, path: string): unknown {
  if (Object.hasOwn(claims, path)) return claims[path];
  let value: unknown = claims;
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name))
      return undefined;
    value = (value as Claims)[name]; // an object, as checked above
  }
  return value;
}

function toScopeSet(value: unknown): ReadonlySet<string> | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'string') return new Set(value.split(' '));
  if (Array.isArray(value)) return new Set(value.filter((item) => typeof item === 'string'));
  return new Set();
}

/** Tells a claim that is missing from one that is malformed, by its name and never by its value. */
function createReader(claims: Claims, source: string) {
  function read<T>(name: string, isValid: (value: unknown) => boolean): T {
    const value = Object.hasOwn(claims, name) ? claims[name] : undefined;
    if (value === undefined || value === null)
      throw invalidToken(`${source} has no ${name}, which an access token needs (RFC 9068)`);
    if (!isValid(value)) throw invalidToken(`${source} has a malformed ${name}`);
    return value as T; // as `isValid` says
  }
  return {
    read: read as ReadClaim,
    readOptional: (name: 'nbf', isValid: (value: unknown) => boolean): number | undefined =>
      claims[name] === undefined ? undefined : read(name, isValid),
  };
}

interface ClaimTypes {
  readonly iss: string;
  readonly sub: string;
  readonly client_id: string;
  readonly aud: string | string[];
  readonly exp: number;
  readonly iat: number;
}
type ReadClaim = <Name extends keyof ClaimTypes>(
  name: Name,
  isValid: (value: unknown) => boolean,
) => ClaimTypes[Name];

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}

function isAudience(value: unknown): boolean {
  return Array.isArray(value)
    ? value.every((item) => typeof item === 'string')
    : typeof value === 'string';
}

interface Times {
  readonly exp: number;
  readonly iat: number;
  readonly nbf: number;
  readonly source: string;
  readonly nowSeconds: number;
}

function judgeTimes({ exp, iat, nbf, source, nowSeconds }: Times): void {
  if (exp > maxInstantSeconds)
    throw invalidToken(`${source} ends after the year 9999; its exp must be in seconds`);
  if (exp <= nowSeconds - skewSeconds)
    throw invalidToken(
      `${source} has expired, ${toDuration(nowSeconds - exp)} ago by this API's clock; get a new one, and if that is refused too, this clock is ahead of the issuer's`,
    );
  const [name, begins] = iat >= nbf ? (['iat', iat] as const) : (['nbf', nbf] as const);
  if (begins > nowSeconds + skewSeconds)
    throw invalidToken(
      `${source} is not valid yet: by its ${name} this API's clock is ${toDuration(begins - nowSeconds)} behind the issuer's; set the clock that is wrong`,
    );
}

/** The end of the year 9999, after which ISO 8601 has no timestamp of four-digit years; milliseconds in place of seconds lie beyond it too. */
const maxInstantSeconds = 253_402_300_799;

function toDuration(seconds: number): string {
  const rounded = Math.round(seconds);
  if (rounded < 120) return `${rounded} s`;
  if (rounded < 7200) return `${Math.round(rounded / 60)} min`;
  return rounded < 172_800
    ? `${Math.round(rounded / 3600)} h`
    : `${Math.round(rounded / 86_400)} days`;
}
