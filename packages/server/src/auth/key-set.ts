// The issuer's public keys: discovered, cached, and fetched again on rotation, at a limited rate.

import type { JWK } from 'jose';
import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import type { Discovery } from './discovery.ts';
import { IssuerFault, type IssuerHttp, issuerUnavailable, type JsonObject } from './issuer-http.ts';
import { createCheckBudget } from './issuer-request-budget.ts';
import type { Origin } from './principal.ts';
import { waitAtMost } from './wait-at-most.ts';

export interface KeySet {
  /** Resolves once there are keys to check with. Throws `SERVICE_UNAVAILABLE`. */
  load(): Promise<void>;
  /** Whether the issuer gave its keys when it was last asked, which is now where those in use are five minutes old. */
  answers(): Promise<boolean>;
  /** Asks the issuer where its keys are, if that is not configured, and nothing else. Throws `SERVICE_UNAVAILABLE`. */
  locate(): Promise<void>;
  /** The cached keys, five minutes old at most while the issuer answers. Throws `SERVICE_UNAVAILABLE`. */
  current(): Promise<readonly JWK[]>;
  /**
   * The keys of an id that is not cached, fetched from the issuer; empty when it has none.
   * Throws `SERVICE_UNAVAILABLE` where that could not be found out, and what the origin's own limit throws.
   */
  find(kid: string, origin: Origin): Promise<readonly JWK[]>;
  /** The same for a token that a known key signed under an id which is not its own; at most twice a minute, else none. */
  findRenamed(kid: string): Promise<readonly JWK[]>;
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
  readonly list: readonly JWK[];
  /** Which fetch it came from, in the order in which they began. */
  readonly serial: number;
  readonly fetchedAtMs: number;
}

/** A withdrawn key works for at most this long, while the issuer answers. */
const freshForMs = 5 * 60_000;
/** Last good keys serve on this long while the issuer does not answer. */
const usableForMs = 60 * 60_000;
/** A caller who can be served with the last good keys does not wait longer than this for newer ones. */
const renewalWaitMs = 1000;
/** After a failure the issuer is left alone for this long. */
const failureCoolDownMs = 5000;
/** A missing key is not searched for again for this long. */
const missingForMs = 20_000;
const renamedCoolDownMs = 30_000;
const maxMissing = 1000;
/** Fetches because of unknown key ids. One that finds its key costs nothing, so a rotation works at once. */
const unknownKeyIds = {
  total: { burst: 8, perMinute: 6 },
  share: { burst: 3, perMinute: 3 },
};

export function createKeySet({
  http,
  discovery,
  jwksUri,
  now = () => performance.now(),
}: KeySetOptions): KeySet {
  let keys: Keys | undefined;
  let fetching: Promise<Keys> | undefined;
  let fetches = 0;
  let search: Promise<Keys> | undefined;
  let failure: { readonly error: unknown; readonly atMs: number } | undefined;
  let renamedAtMs = Number.NEGATIVE_INFINITY;
  const budget = createCheckBudget({ ...unknownKeyIds, now });
  /** When each was last searched for. */
  const missing = new LRUCache<string, number>({ max: maxMissing });

  return {
    async load() {
      await current();
    },
    async answers() {
      await current().catch(() => {});
      return failure === undefined;
    },
    async locate() {
      if (jwksUri === undefined) await discovery.find('jwks_uri').catch(giveUp);
    },
    async current() {
      return (await current()).list;
    },
    async find(kid, origin) {
      if (now() - (missing.get(kid) ?? Number.NEGATIVE_INFINITY) < missingForMs) return [];
      await origin.requireAttempt();
      const startedBefore = fetches;
      for (;;) {
        const joined = search;
        const fetched = await (joined ?? startSearch(origin)).catch((error: unknown) => {
          if (joined === undefined) throw error;
          return undefined; // of another origin
        });
        const found = fetched === undefined ? [] : withId(fetched.list, kid);
        if (found.length > 0) return found;
        if (fetched === undefined || fetched.serial <= startedBefore) continue; // the key may be newer than that
        missing.set(kid, now());
        return [];
      }
    },
    async findRenamed(kid) {
      if (now() - renamedAtMs < renamedCoolDownMs) return [];
      const { list } = await refresh();
      renamedAtMs = now();
      return withId(list, kid);
    },
  };

  function startSearch(origin: Origin): Promise<Keys> {
    search = refreshFor(origin).finally(() => {
      search = undefined;
    });
    return search;
  }

  async function refreshFor({ network }: Origin): Promise<Keys> {
    const reservation = await budget.reserve(network);
    const before = keys;
    let outcome: 'spent' | 'unspent' = 'unspent';
    try {
      const fetched = await refresh(); // throws while the issuer is down: the key may be one of its newest
      if (!hasNews(fetched, before)) outcome = 'spent';
      return fetched;
    } finally {
      reservation.settle(outcome);
    }
  }

  async function current(): Promise<Keys> {
    if (keys === undefined) return refresh();
    const ageMs = now() - keys.fetchedAtMs;
    if (ageMs < freshForMs) return keys;
    if (ageMs >= usableForMs) return refresh();
    await waitAtMost(refresh(), renewalWaitMs);
    return keys ?? refresh(); // none: meanwhile all were withdrawn, which `refresh` then says
  }

  function refresh(): Promise<Keys> {
    if (failure !== undefined && now() - failure.atMs < failureCoolDownMs)
      return Promise.reject(failure.error);
    fetching ??= fetchKeys()
      .then((fetched) => {
        failure = undefined;
        keys = fetched;
        return fetched;
      }, giveUp)
      .finally(() => {
        fetching = undefined;
      });
    return fetching;
  }

  function giveUp(error: unknown): never {
    failure = { error, atMs: now() };
    discovery.forget();
    throw error;
  }

  async function fetchKeys(): Promise<Keys> {
    fetches += 1;
    const serial = fetches;
    const url = jwksUri ?? (await discovery.find('jwks_uri'));
    const list = toKeys(await http.getJson(url));
    if (list.length === 0) {
      keys = undefined; // all of them withdrawn: they must not serve on as last good ones
      throw issuerUnavailable(new IssuerFault('the issuer publishes no signing key with an id'));
    }
    return { list, serial, fetchedAtMs: now() };
  }
}

/** Keys may share an id. */
export function withId(keys: readonly JWK[], kid: string): readonly JWK[] {
  return keys.filter((key) => key.kid === kid);
}

/** A set that has changed was worth its fetch. */
function hasNews(fetched: Keys, before: Keys | undefined): boolean {
  const ids = new Set(before?.list.map(({ kid }) => kid));
  return fetched.list.some(({ kid }) => !ids.has(kid));
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
function toKeys(document: JsonObject): readonly JWK[] {
  const parsed = z.looseObject({ keys: z.array(z.unknown()) }).safeParse(document);
  if (!parsed.success) throw issuerUnavailable(new IssuerFault("the issuer's keys are malformed"));
  return parsed.data.keys.flatMap((item) => {
    const { data } = keySchema.safeParse(item);
    return data === undefined ? [] : [data as JWK]; // what chooses a key is checked; jose checks the rest on import
  });
}
