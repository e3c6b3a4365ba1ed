// Remembers what the issuer said about tokens, by their hash and for a short time.

import { createHash } from 'node:crypto';

/** The token itself is never kept. */
export type TokenHash = string;

export function toTokenHash(token: string): TokenHash {
  return createHash('sha256').update(token).digest('base64url');
}

export interface TokenCache<T> {
  /** The value until it expires. */
  get(hash: TokenHash): T | undefined;
  /** True also once the value has expired, until it is deleted or pushed out. */
  has(hash: TokenHash): boolean;
  set(hash: TokenHash, value: T, forMs: number): void;
  delete(hash: TokenHash): void;
}

export interface TokenCacheOptions {
  /** Beyond this, what was used least recently goes. */
  readonly maxEntries: number;
  /** In milliseconds, never going back. */
  readonly now: () => number;
}

export function createTokenCache<T>({ maxEntries, now }: TokenCacheOptions): TokenCache<T> {
  const entries = new Map<TokenHash, { readonly value: T; readonly expiresAtMs: number }>();
  return {
    get(hash) {
      const entry = entries.get(hash);
      if (entry === undefined || entry.expiresAtMs <= now()) return undefined;
      entries.delete(hash); // a map keeps the order of insertion: the last used goes to its end
      entries.set(hash, entry);
      return entry.value;
    },
    has: (hash) => entries.has(hash),
    set(hash, value, forMs) {
      entries.delete(hash);
      entries.set(hash, { value, expiresAtMs: now() + forMs });
      const [oldest] = entries.keys();
      if (entries.size > maxEntries && oldest !== undefined) entries.delete(oldest);
    },
    delete(hash) {
      entries.delete(hash);
    },
  };
}
