// Asks the issuer about opaque tokens: https://www.rfc-editor.org/rfc/rfc7662

import { createHash } from 'node:crypto';
import { type AppError, isAppError } from '@ondemand/core';
import { LRUCache } from 'lru-cache';
import { invalidToken } from './challenge.ts';
import { type ClaimRules, toPrincipal } from './claims.ts';
import type { Discovery, SecretPlace } from './discovery.ts';
import { IssuerFault, type IssuerHttp, issuerUnavailable, type JsonObject } from './issuer-http.ts';
import { createCheckBudget } from './issuer-request-budget.ts';
import type { Origin, Principal } from './principal.ts';
import { withClientId } from './token-kind.ts';
import { waitAtMost } from './wait-at-most.ts';

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

/** A revoked token works for at most this long, */
const acceptedForMs = 30_000;
/** and for this long while the issuer does not say so. */
const usableForMs = 5 * 60_000;
/** A refused token may have been asked about too early; one that comes again and again is asked about less and less often. */
const refusedForMs = { least: 10_000, most: 60 * 60_000 };
const maxEntries = 1000;
/**
 * Below what issuers allow, at once and for hours: Authelia's default is 30 tokens that are not active, 40, 50 and 100, of which
 * one comes back each minute, two, ten minutes and hour.
 */
const unknownTokens = {
  total: { burst: 24, perMinute: 0.1 },
  share: { burst: 20, perMinute: 0.05 },
};
/** A caller who can be served with the last good answer does not wait longer than this for a newer one, */
const renewalWaitMs = 1000;
/** and leaves an issuer alone that failed, for at least and at most this long. */
const coolDownMs = { least: 5000, most: 60_000 };

interface Refused {
  readonly error: AppError;
  readonly atMs: number;
  readonly times: number;
}

interface Accepted {
  readonly principal: Principal;
  readonly freshUntilMs: number;
  readonly usableUntilMs: number;
}

/**
 * Resolves with who the token speaks for, from an answer at most 30 s old and never older than the token's end;
 * at most five minutes old while the issuer cannot be asked.
 * Throws `UNAUTHORIZED` for a token that is not an active access token for us, and
 * `SERVICE_UNAVAILABLE` when that could not be found out; the latter is never remembered.
 */
export function createIntrospector(options: IntrospectionOptions) {
  const { http, discovery, rules, client, introspectionUri } = options;
  const { now = () => performance.now(), date = () => new Date() } = options;
  const accepted = new LRUCache<TokenHash, Accepted>({ max: maxEntries });
  // Apart, so that garbage pushes out garbage alone.
  const refused = new LRUCache<TokenHash, Refused>({ max: maxEntries });
  const asking = new Map<TokenHash, Promise<Principal>>();
  const budget = createCheckBudget({ ...unknownTokens, now });
  let taken: SecretPlace | undefined;
  /** Until when the issuer is not asked, about tokens that were accepted before and about others. */
  let silence = {
    untilMs: Number.NEGATIVE_INFINITY,
    forUnknownUntilMs: Number.NEGATIVE_INFINITY,
  };

  return async function introspect(token: string, origin: Origin): Promise<Principal> {
    if (isOtherAutheliaToken(token))
      throw invalidToken("The token is another kind of Authelia's, not an access token");
    const hash = toTokenHash(token);
    const known = accepted.get(hash);
    if (known !== undefined) return serve(known, token, hash);
    const refusal = refused.get(hash);
    if (refusal !== undefined && now() - refusal.atMs < toRefusedMs(refusal)) throw refusal.error;
    return share(hash, () => checkUnknown(token, hash, origin));
  };

  async function serve(known: Accepted, token: string, hash: TokenHash): Promise<Principal> {
    if (now() < known.freshUntilMs) return known.principal;
    const isUsable = now() < known.usableUntilMs;
    if (isUsable && now() < silence.untilMs) return known.principal;
    const renewal = share(hash, async () => {
      if (!isUsable) requireNoSilence(Math.min(silence.untilMs, silence.forUnknownUntilMs));
      return judge(await ask(token), hash);
    });
    if (!isUsable) return renewal;
    await waitAtMost(renewal, renewalWaitMs);
    return accepted.get(hash)?.principal ?? renewal; // gone: it was refused, as the renewal says
  }

  async function checkUnknown(token: string, hash: TokenHash, origin: Origin): Promise<Principal> {
    await origin.requireAttempt();
    const reservation = await budget.reserve(origin.network).catch((error: unknown) => {
      const refusal = refused.get(hash);
      throw refusal !== undefined && now() - refusal.atMs < usableForMs ? refusal.error : error;
    });
    let outcome: 'spent' | 'unspent' = 'unspent';
    try {
      requireNoSilence(silence.forUnknownUntilMs);
      const answer = await ask(token);
      if (answer.active !== true) outcome = 'spent';
      return judge(answer, hash);
    } finally {
      reservation.settle(outcome);
    }
  }

  function share(hash: TokenHash, check: () => Promise<Principal>): Promise<Principal> {
    const shared = asking.get(hash) ?? check().finally(() => asking.delete(hash));
    asking.set(hash, shared);
    return shared;
  }

  async function ask(token: string): Promise<JsonObject> {
    try {
      const url = introspectionUri ?? (await discovery.find('introspection_endpoint'));
      // Where the endpoint is configured, there may be no discovery document.
      const places = introspectionUri === undefined ? await discovery.secretPlaces() : [];
      const [first = 'header', other] = places.toSorted((a, b) => rank(a) - rank(b));
      return await askWithSecret(url, token, first).catch((error: unknown) => {
        if (other === undefined || !isClientRefusal(error)) throw error;
        return askWithSecret(url, token, other).catch(() => {
          throw error;
        });
      });
    } catch (error) {
      discovery.forget();
      beSilent(toWaitSeconds(error));
      throw error;
    }
  }

  /** What was taken before comes first. */
  function rank(place: SecretPlace): number {
    return place === taken ? 0 : 1;
  }

  async function askWithSecret(
    url: string,
    token: string,
    place: SecretPlace,
  ): Promise<JsonObject> {
    const question = { token, token_type_hint: 'access_token' };
    const own = { client_id: client.id, client_secret: client.secret };
    const answer = await (place === 'form'
      ? http.postForm(url, { ...question, ...own }, {})
      : http.postForm(url, question, { authorization: toBasic(client) }));
    taken = place;
    return answer;
  }

  function beSilent(seconds: number | undefined): void {
    const waitMs = (seconds ?? 0) * 1000;
    silence = {
      untilMs: now() + Math.min(Math.max(waitMs, coolDownMs.least), coolDownMs.most),
      forUnknownUntilMs: now() + waitMs,
    };
    if (seconds !== undefined) budget.shrink();
  }

  function requireNoSilence(untilMs: number): void {
    const seconds = Math.ceil((untilMs - now()) / 1000);
    if (seconds > 0)
      throw issuerUnavailable(new IssuerFault('the issuer asked this API to wait', seconds));
  }

  function judge(answer: JsonObject, hash: TokenHash): Principal {
    try {
      const principal = toCaller(answer, rules, date());
      const leftMs = Date.parse(principal.expiresAt) - date().getTime();
      accepted.set(hash, {
        principal,
        freshUntilMs: now() + Math.min(acceptedForMs, leftMs),
        usableUntilMs: now() + Math.min(usableForMs, leftMs),
      });
      refused.delete(hash);
      return principal;
    } catch (error) {
      if (isAppError(error, 'UNAUTHORIZED')) {
        accepted.delete(hash);
        const times = (refused.get(hash)?.times ?? 0) + 1;
        refused.set(hash, { error, atMs: now(), times });
      }
      throw error;
    }
  }
}

/** The same for the first two refusals, then twice as long each time. */
function toRefusedMs({ times }: Refused): number {
  return Math.min(refusedForMs.least * 2 ** Math.max(0, times - 2), refusedForMs.most);
}

/** The token itself is never kept. */
type TokenHash = string;

function toTokenHash(token: string): TokenHash {
  return createHash('sha256').update(token).digest('base64url');
}

/** Judged as the claims of a JWT are; a client that acts for itself has no `sub` at some issuers. */
function toCaller(answer: JsonObject, rules: ClaimRules, now: Date): Principal {
  if (answer.active !== true)
    throw invalidToken('The token is not known to its issuer, or it has expired or was revoked');
  requireBearerToken(answer);
  const claims = { iss: rules.issuer, iat: 0, sub: answer.client_id, ...withClientId(answer) };
  const source = "The issuer's answer about the token";
  return { ...toPrincipal({ claims, source, now }, rules), isRevocable: true };
}

/** Issuers introspect refresh and ID tokens as active too, and say what they are in one of these. */
function requireBearerToken({
  token_type: type = 'Bearer',
  token_use: use,
  typ,
}: JsonObject): void {
  if ([use, typ].some((kind) => /^(?:refresh|offline|id)/i.test(String(kind))))
    throw invalidToken('The token is a refresh or ID token; send the access token');
  if (typeof type !== 'string' || type.toLowerCase() !== 'bearer')
    throw invalidToken('The token is of another token_type than Bearer; send the access token');
}

/** Authelia tells its kinds of token apart by prefix; a refresh token would introspect as active. */
function isOtherAutheliaToken(token: string): boolean {
  return /^authelia_(?!at_)/i.test(token);
}

/** Whether another way to prove who asks may help: a client is registered for one. */
function isClientRefusal(error: unknown): boolean {
  const cause = isAppError(error) ? error.cause : undefined;
  return cause instanceof IssuerFault && [400, 401, 403].includes(cause.status ?? 0);
}

/** How long the issuer itself asked us to leave it alone. */
function toWaitSeconds(error: unknown): number | undefined {
  const cause = isAppError(error) ? error.cause : undefined;
  return cause instanceof IssuerFault ? cause.retryAfterSeconds : undefined;
}

/**
 * Form-encoded as https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1 has it, but only what decoding would change:
 * so issuers that decode and issuers that take both parts literally understand as much as possible alike.
 */
function toBasic({ id, secret }: IntrospectionClient): string {
  const encode = (text: string) => text.replaceAll('%', '%25').replaceAll('+', '%2B');
  const user = encode(id).replaceAll(':', '%3A');
  return `Basic ${Buffer.from(`${user}:${encode(secret)}`).toString('base64')}`;
}
