// Asks the issuer about opaque tokens: https://www.rfc-editor.org/rfc/rfc7662

import { AppError, isAppError } from '@ondemand/core';
import { invalidToken } from './challenge.ts';
import { createCheckBudget } from './check-budget.ts';
import { type ClaimRules, toPrincipal } from './claims.ts';
import type { Discovery } from './discovery.ts';
import { IssuerFault, type IssuerHttp, type JsonObject } from './issuer-http.ts';
import type { Principal } from './principal.ts';
import { createTokenCache, type TokenHash, toTokenHash } from './token-cache.ts';

/** How the issuer knows this API. */
export interface IntrospectionClient {
  readonly id: string;
  readonly secret: string;
}

export interface IntrospectionOptions {
  readonly http: IssuerHttp;
  readonly discovery: Discovery;
  readonly rules: ClaimRules;
  readonly client: IntrospectionClient;
  /** Discovered where it is not given. */
  readonly introspectionUri?: string | undefined;
  /** In milliseconds, never going back. */
  readonly now?: () => number;
  /** The time of day, which a token's own times are judged by. */
  readonly date?: () => Date;
}

/** A revoked token works for at most this long. */
const acceptedForMs = 30_000;
const refusedForMs = 10_000;
const maxEntries = 1000;
/** Never-seen tokens; a token that was accepted before is checked again without it. */
const budget = { burst: 100, perSecond: 2 };

/**
 * Resolves with who the token speaks for, from an answer at most 30 s old and never older than the token's end.
 * Throws `UNAUTHORIZED` for a token that is not an active access token for us, and
 * `SERVICE_UNAVAILABLE` when that could not be found out; the latter is never remembered.
 */
export function createIntrospector(options: IntrospectionOptions) {
  const { http, discovery, rules, client, introspectionUri } = options;
  const { now = () => performance.now(), date = () => new Date() } = options;
  const accepted = createTokenCache<Principal>({ maxEntries, now });
  // Apart, so that garbage pushes out garbage alone.
  const refused = createTokenCache<AppError>({ maxEntries, now });
  const asking = new Map<TokenHash, Promise<Principal>>();
  const strangers = createCheckBudget({ ...budget, now });
  const authorization = toBasic(client);
  let silentUntilMs = Number.NEGATIVE_INFINITY;

  return async function introspect(token: string): Promise<Principal> {
    if (isOtherAutheliaToken(token)) throw invalidToken('The token is not an access token');
    const hash = toTokenHash(token);
    const known = accepted.get(hash);
    if (known !== undefined) return known;
    const refusal = refused.get(hash);
    if (refusal !== undefined) throw refusal;
    return asking.get(hash) ?? check(token, hash);
  };

  function check(token: string, hash: TokenHash): Promise<Principal> {
    const waitSeconds = Math.ceil((silentUntilMs - now()) / 1000);
    if (waitSeconds > 0) throw notChecked('the issuer asked this API to wait', waitSeconds);
    const budgetSeconds = accepted.has(hash) ? 0 : strangers.take();
    if (budgetSeconds > 0) throw notChecked('too many unknown tokens come in', budgetSeconds);
    const checking = ask(token)
      .then((answer) => judge(answer, rules, date()))
      .then(
        (principal) => {
          const leftMs = Date.parse(principal.expiresAt) - date().getTime();
          accepted.set(hash, principal, Math.min(acceptedForMs, leftMs));
          return principal;
        },
        (error: unknown) => {
          if (isAppError(error, 'UNAUTHORIZED')) {
            accepted.delete(hash);
            refused.set(hash, error, refusedForMs);
          }
          throw error;
        },
      )
      .finally(() => asking.delete(hash));
    asking.set(hash, checking);
    return checking;
  }

  async function ask(token: string): Promise<JsonObject> {
    const url = introspectionUri ?? (await discovery.find('introspection_endpoint'));
    try {
      return await http.postForm(url, { token, token_type_hint: 'access_token' }, authorization);
    } catch (error) {
      discovery.forget();
      silentUntilMs = now() + toWaitSeconds(error) * 1000;
      throw error;
    }
  }
}

/** Judged as the claims of a JWT are; a client that acts for itself has no `sub` at some issuers. */
function judge(answer: JsonObject, rules: ClaimRules, now: Date): Principal {
  if (answer.active !== true)
    throw invalidToken('The token is not known to its issuer, or it has expired or was revoked');
  if (!isAccessToken(answer)) throw invalidToken('The token is not a bearer access token');
  const claims = { iss: rules.issuer, iat: 0, sub: answer.client_id, ...answer };
  return { ...toPrincipal(claims, rules, now), isRevocable: true };
}

/** Issuers introspect refresh and ID tokens as active too, and say what they are in one of these. */
function isAccessToken({ token_type: type = 'Bearer', token_use: use, typ }: JsonObject): boolean {
  const isBearer = typeof type === 'string' && type.toLowerCase() === 'bearer';
  return isBearer && ![use, typ].some((kind) => /^(?:refresh|offline|id)/i.test(String(kind)));
}

/** Authelia tells its kinds of token apart by prefix; a refresh token would introspect as active. */
function isOtherAutheliaToken(token: string): boolean {
  return /^authelia_(?!at_)/i.test(token);
}

/** How long the issuer itself asked us to leave it alone. */
function toWaitSeconds(error: unknown): number {
  const cause = isAppError(error) ? error.cause : undefined;
  return cause instanceof IssuerFault ? (cause.retryAfterSeconds ?? 0) : 0;
}

function notChecked(why: string, retryAfterSeconds: number): AppError {
  return new AppError(
    'SERVICE_UNAVAILABLE',
    `The token was not checked, as ${why}; try again in ${retryAfterSeconds} s`,
    { text: 'Token not checked', details: { reason: 'TOKEN_NOT_CHECKED', retryAfterSeconds } },
  );
}

/** https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1: both parts are form-encoded first. */
function toBasic({ id, secret }: IntrospectionClient): string {
  const encode = (text: string) => new URLSearchParams([['', text]]).toString().slice(1);
  return `Basic ${Buffer.from(`${encode(id)}:${encode(secret)}`).toString('base64')}`;
}
