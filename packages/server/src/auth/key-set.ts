// The issuer's public keys: discovered, kept, fetched again when they rotate and never in a hurry.

import { setTimeout as sleep } from 'node:timers/promises';
import type { JWK } from 'jose';
import { z } from 'zod';
import type { Discovery } from './discovery.ts';
import { IssuerFault, type IssuerHttp, issuerUnavailable, type JsonObject } from './issuer-http.ts';

export interface KeySet {
  /** Resolves once there are keys to check with. Throws `SERVICE_UNAVAILABLE`. */
  load(): Promise<void>;
  /** The public keys of that id, in the issuer's order; none when it has none. Throws `SERVICE_UNAVAILABLE`. */
  find(kid: string): Promise<readonly JWK[]>;
}

export interface KeySetOptions {
  readonly http: IssuerHttp;
  readonly discovery: Discovery;
  /** Discovered where it is not given. */
  readonly jwksUri?: string | undefined;
  /** In milliseconds, never going back. */
  readonly now?: () => number;
}

interface Keys {
  readonly byId: ReadonlyMap<string, readonly JWK[]>;
  readonly fetchedAtMs: number;
}

/** A withdrawn key works for at most this long, while the issuer answers. */
const freshForMs = 5 * 60_000;
/** Last good keys serve on this long while the issuer does not answer. */
const usableForMs = 60 * 60_000;
/** Who could be served with last good keys does not wait longer than this for newer ones. */
const patienceMs = 1000;
/** After a failure, and after a key id that was not there, the issuer is left alone for this long. */
const failureCoolDownMs = 5000;
const unknownKeyCoolDownMs = 30_000;

export function createKeySet({
  http,
  discovery,
  jwksUri,
  now = () => performance.now(),
}: KeySetOptions): KeySet {
  let keys: Keys | undefined;
  let fetching: Promise<Keys> | undefined;
  let failure: { readonly error: unknown; readonly atMs: number } | undefined;
  let unknownKeyAtMs = Number.NEGATIVE_INFINITY;

  return {
    async load() {
      await current();
    },
    async find(kid) {
      const found = (await current()).byId.get(kid);
      if (found !== undefined) return found;
      if (now() - unknownKeyAtMs < unknownKeyCoolDownMs) return [];
      const fresh = await refresh(); // throws while the issuer is down: the key may be one of its newest
      unknownKeyAtMs = now();
      return fresh.byId.get(kid) ?? [];
    },
  };

  async function current(): Promise<Keys> {
    if (keys === undefined) return refresh();
    const ageMs = now() - keys.fetchedAtMs;
    if (ageMs < freshForMs) return keys;
    if (ageMs >= usableForMs) return refresh();
    await settled(refresh(), patienceMs);
    return keys ?? refresh(); // none: meanwhile all were withdrawn, which `refresh` then says
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
          discovery.forget();
          throw error;
        },
      )
      .finally(() => {
        fetching = undefined;
      });
    return fetching;
  }

  async function fetchKeys(): Promise<Keys> {
    const url = jwksUri ?? (await discovery.find('jwks_uri'));
    const byId = toKeys(await http.getJson(url));
    if (byId.size === 0) {
      keys = undefined; // all of them withdrawn: they must not serve on as last good ones
      throw issuerUnavailable(new IssuerFault('the issuer publishes no signing key with an id'));
    }
    return { byId, fetchedAtMs: now() };
  }
}

/** Waits for the end, good or bad, but not longer; the work goes on for whoever comes next, under its own deadline. */
async function settled(work: Promise<unknown>, forMs: number): Promise<void> {
  const ended = new AbortController();
  const ignore = () => {};
  await Promise.race([
    work.then(ignore, ignore),
    sleep(forMs, undefined, { signal: ended.signal }).catch(ignore),
  ]);
  ended.abort();
}

/** A key that verifies signatures and can be named; whether it is whole shows when it is imported. */
const keySchema = z.looseObject({
  kty: z.string(),
  kid: z.string(),
  alg: z.string().optional(),
  use: z.literal('sig').optional(),
  key_ops: z
    .array(z.string())
    .refine((operations) => operations.includes('verify'))
    .optional(),
});

/** Passes over what it does not understand, and lets keys share an id: https://www.rfc-editor.org/rfc/rfc7517#section-5 and section 4.5. */
function toKeys(document: JsonObject): ReadonlyMap<string, readonly JWK[]> {
  const parsed = z.looseObject({ keys: z.array(z.unknown()) }).safeParse(document);
  if (!parsed.success) throw issuerUnavailable(new IssuerFault("the issuer's keys are malformed"));
  const byId = new Map<string, JWK[]>();
  for (const item of parsed.data.keys) {
    const { data } = keySchema.safeParse(item);
    if (data === undefined) continue;
    const key = data as JWK; // what chooses a key is checked; jose checks the rest on import
    const sameId = byId.get(data.kid);
    if (sameId === undefined) byId.set(data.kid, [key]);
    else sameId.push(key);
  }
  return byId;
}
