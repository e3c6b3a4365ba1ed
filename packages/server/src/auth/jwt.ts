// Verifies JWT access tokens: https://www.rfc-editor.org/rfc/rfc9068#section-4

import { createHash } from 'node:crypto';
import { isAppError } from '@ondemand/core';
import { compactVerify, errors, importJWK, type JWK } from 'jose';
import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import { invalidToken } from './challenge.ts';
import { type ClaimRules, type Claims, isTimely, toPrincipal } from './claims.ts';
import { type Algorithm, type JwtHeader, parseHeader } from './jwt-header.ts';
import { type KeySet, withId } from './key-set.ts';
import type { Origin, Principal } from './principal.ts';
import { accessTokenTyp, requireAccessToken, withClientId } from './token-kind.ts';

export interface JwtOptions {
  readonly keys: Pick<KeySet, 'current' | 'find' | 'findRenamed'>;
  readonly rules: ClaimRules;
  /** Which `typ` a token's header may have, in lower case; RFC 9068's if left out. */
  readonly typs?: readonly string[] | undefined;
  /** The time of day, which a token's own times are judged by. */
  readonly date?: () => Date;
}

/** What each algorithm's keys are: https://www.rfc-editor.org/rfc/rfc7518#section-3.1 and, for EdDSA, RFC 8037. */
const keyKinds: Readonly<Record<Algorithm, Pick<JWK, 'kty' | 'crv'>>> = {
  RS256: { kty: 'RSA' },
  RS384: { kty: 'RSA' },
  RS512: { kty: 'RSA' },
  PS256: { kty: 'RSA' },
  PS384: { kty: 'RSA' },
  PS512: { kty: 'RSA' },
  ES256: { kty: 'EC', crv: 'P-256' },
  ES384: { kty: 'EC', crv: 'P-384' },
  ES512: { kty: 'EC', crv: 'P-521' },
  EdDSA: { kty: 'OKP', crv: 'Ed25519' },
};

/** Tokens that are remembered. */
const maxVerified = 1000;

/** What of a verified token need not be found out again. */
interface Verified {
  readonly principal: Principal;
  /** The key that signed it. */
  readonly jwk: JWK;
  /** `exp`, `iat` and `nbf`. */
  readonly times: Claims;
}

/**
 * Resolves with who the token speaks for. A token that verified is remembered by its SHA-256, for as long as it is valid and the issuer shows its key.
 * Throws `UNAUTHORIZED` for any token that is not a valid access token of the issuer for us, `SERVICE_UNAVAILABLE` while its keys cannot be had.
 */
export function createJwtVerifier({
  keys,
  rules,
  typs = [accessTokenTyp],
  date = () => new Date(),
}: JwtOptions) {
  const imported = new WeakMap<JWK, Map<Algorithm, ReturnType<typeof importJWK>>>();
  const checks = new WeakMap<JWK, Map<string, Promise<unknown>>>(); // those under way, by token
  const verified = new LRUCache<string, Verified>({ max: maxVerified });

  return async function verify(token: string, origin: Origin): Promise<Principal> {
    const id = createHash('sha256').update(token).digest('base64');
    const known = verified.get(id);
    if (known !== undefined && isTimely(known.times, date())) {
      const current = await keys.current();
      if (current.includes(known.jwk)) return known.principal;
    }
    verified.delete(id);
    const header = parseHeader(token, typs);
    const claims = parsePayload(token);
    const principal = judge(header, claims); // first, as no key is looked for where it could not help
    const candidates = (await findKeys(token, header, origin)).filter((jwk) =>
      isFor(jwk, header.alg),
    );
    if (candidates.length === 0)
      throw invalidToken(`The token is signed with ${header.alg}, and its key is for another alg`);
    const jwk = await findSigner(token, candidates, header.alg);
    const { exp, iat, nbf } = claims;
    verified.set(id, { principal, jwk, times: { exp, iat, nbf } });
    return principal;
  };

  function judge({ typ }: JwtHeader, claims: Claims): Principal {
    if (typ === accessTokenTyp) return toPrincipal({ claims, now: date() }, rules);
    requireAccessToken(claims, rules);
    return toPrincipal({ claims: withClientId(claims), now: date() }, rules);
  }

  async function findKeys(
    token: string,
    { kid, alg }: JwtHeader,
    origin: Origin,
  ): Promise<readonly JWK[]> {
    const current = await keys.current();
    const named = withId(current, kid);
    if (named.length > 0) return named;
    // Only the issuer can sign with a known key, so nobody else can trigger fetches in this way.
    const known = current.filter((jwk) => isFor(jwk, alg));
    const isRenamed = await findSigner(token, known, alg).then(
      () => true,
      (error: unknown) => {
        if (isAppError(error, 'UNAUTHORIZED')) return false;
        throw error;
      },
    );
    const found = await (isRenamed ? keys.findRenamed(kid) : keys.find(kid, origin));
    if (found.length === 0)
      throw invalidToken(
        'The token names a key (kid) that its issuer does not publish; get a new token, from the issuer that this API trusts',
      );
    return found;
  }

  /** Throws `UNAUTHORIZED` unless one of the keys signed the token. */
  async function findSigner(
    token: string,
    candidates: readonly JWK[],
    alg: Algorithm,
  ): Promise<JWK> {
    let cause: unknown;
    for (const jwk of candidates) {
      try {
        await checkSignature(token, jwk, alg);
        return jwk;
      } catch (error) {
        if (!isVerdict(error)) throw error;
        cause = error;
      }
    }
    throw invalidToken("The token's signature is not valid", { cause });
  }

  /** A token that many requests come with at the same time is checked once. */
  async function checkSignature(token: string, jwk: JWK, alg: Algorithm): Promise<void> {
    const ofKey = checks.get(jwk) ?? new Map<string, Promise<unknown>>();
    checks.set(jwk, ofKey);
    const check = ofKey.get(token) ?? checkBy(token, jwk, alg).finally(() => ofKey.delete(token));
    ofKey.set(token, check);
    await check;
  }

  /** Nothing but jose and WebCrypto runs in here, so that a `TypeError` is theirs. */
  async function checkBy(token: string, jwk: JWK, alg: Algorithm): Promise<void> {
    const byAlgorithm = imported.get(jwk) ?? new Map<Algorithm, ReturnType<typeof importJWK>>();
    imported.set(jwk, byAlgorithm);
    const key = byAlgorithm.get(alg) ?? importJWK(jwk, alg);
    byAlgorithm.set(alg, key);
    await compactVerify(token, await key, { algorithms: [alg] });
  }
}

/** A key that says for what algorithm it is may be used for no other. */
function isFor(jwk: JWK, alg: Algorithm): boolean {
  const { kty, crv } = keyKinds[alg];
  const isOfKind = jwk.kty === kty && (crv === undefined || jwk.crv === crv);
  return isOfKind && (jwk.alg === undefined || jwk.alg === alg);
}

/** About the key or the signature; WebCrypto's OperationError is a failure of its own: https://www.w3.org/TR/webcrypto/#SubtleCrypto-Exceptions */
function isVerdict(error: unknown): boolean {
  if (error instanceof DOMException) return error.name !== 'OperationError';
  return error instanceof errors.JOSEError || error instanceof TypeError;
}

function parsePayload(token: string): Claims {
  try {
    const payload = Buffer.from(token.split('.')[1] ?? '', 'base64url');
    return z
      .record(z.string(), z.unknown())
      .parse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload)));
  } catch {
    throw invalidToken('The token holds no claims'); // the cause would quote it
  }
}
