// The issuer's public keys: discovered, kept, fetched again when they rotate and never in a hurry.

import type { JWK } from 'jose';
import { z } from 'zod';
import { type IssuerHttp, issuerUnavailable } from './issuer-http.ts';

export interface KeySet {
  /** Resolves once there are keys to check with. Throws `SERVICE_UNAVAILABLE`. */
  load(): Promise<void>;
  /** The public key of that id, undefined when the issuer has none. Throws `SERVICE_UNAVAILABLE`. */
  find(kid: string): Promise<JWK | undefined>;
}

export interface KeySetOptions {
  readonly issuer: string;
  readonly http: IssuerHttp;
  /** Found by discovery (RFC 8414, OpenID Connect) where it is not given. */
  readonly jwksUri?: string | undefined;
  readonly now?: () => number;
}

interface Keys {
  readonly byId: ReadonlyMap<string, JWK>;
  readonly fetchedAtMs: number;
}

const freshForMs = 10 * 60_000;
/** Last good keys serve on this long while the issuer does not answer. */
const usableForMs = 60 * 60_000;
/** After a failure, and after a key id that was not there, the issuer is left alone for this long. */
const failureCoolDownMs = 5000;
const unknownKeyCoolDownMs = 30_000;

export function createKeySet({ issuer, http, jwksUri, now = Date.now }: KeySetOptions): KeySet {
  let keys: Keys | undefined;
  let fetching: Promise<Keys> | undefined;
  let failure: { readonly error: unknown; readonly atMs: number } | undefined;
  let unknownKeyAtMs = Number.NEGATIVE_INFINITY;
  let discovered = jwksUri;

  return {
    async load() {
      await current();
    },
    async find(kid) {
      const known = await current();
      const key = known.byId.get(kid);
      if (key !== undefined || now() - unknownKeyAtMs < unknownKeyCoolDownMs) return key;
      unknownKeyAtMs = now();
      return (await refresh()).byId.get(kid);
    },
  };

  async function current(): Promise<Keys> {
    if (keys === undefined) return refresh();
    const ageMs = now() - keys.fetchedAtMs;
    if (ageMs < freshForMs) return keys;
    try {
      return await refresh();
    } catch (error) {
      if (ageMs < usableForMs) return keys;
      throw error;
    }
  }

  function refresh(): Promise<Keys> {
    if (failure !== undefined && now() - failure.atMs < failureCoolDownMs)
      return Promise.reject(failure.error);
    fetching ??= fetchKeys()
      .then(
        (fetched) => {
          failure = undefined;
          keys = fetched;
          return fetched;
        },
        (error: unknown) => {
          failure = { error, atMs: now() };
          throw error;
        },
      )
      .finally(() => {
        fetching = undefined;
      });
    return fetching;
  }

  async function fetchKeys(): Promise<Keys> {
    discovered ??= toJwksUri(await http.getJson(discoveryUrl(issuer)), issuer);
    return { byId: toKeys(await http.getJson(discovered)), fetchedAtMs: now() };
  }
}

function discoveryUrl(issuer: string): string {
  return `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
}

/** RFC 8414 section 3.3: metadata whose issuer is not the one asked for must not be used. */
function toJwksUri(metadata: Readonly<Record<string, unknown>>, issuer: string): string {
  const parsed = z
    .looseObject({ issuer: z.literal(issuer), jwks_uri: z.url() })
    .safeParse(metadata);
  if (!parsed.success) throw issuerUnavailable(parsed.error);
  return parsed.data.jwks_uri;
}

function toKeys(document: Readonly<Record<string, unknown>>): ReadonlyMap<string, JWK> {
  const parsed = z
    .looseObject({ keys: z.array(z.looseObject({ kty: z.string(), kid: z.string().optional() })) })
    .safeParse(document);
  if (!parsed.success) throw issuerUnavailable(parsed.error);
  const usable = parsed.data.keys.filter(({ use = 'sig' }) => use === 'sig');
  return new Map(usable.flatMap((key) => (key.kid === undefined ? [] : [[key.kid, key as JWK]]))); // kty is checked; jose checks the rest on import
}
