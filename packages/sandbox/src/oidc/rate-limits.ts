// Authelia's default limits of failed token requests and of introspections of tokens that are not active: https://www.authelia.com/configuration/miscellaneous/server-endpoints-rate-limits/

export interface RateLimits {
  /** Takes one from the address: undefined when there was one, else after how many seconds there is. */
  take(address: string): number | undefined;
  /** What succeeded does not count. */
  giveBack(address: string): void;
}

/** How many at once, and how long it takes for one of them to come back. */
const limits = [
  { burst: 30, periodMs: 60_000 },
  { burst: 40, periodMs: 2 * 60_000 },
  { burst: 50, periodMs: 10 * 60_000 },
  { burst: 100, periodMs: 3_600_000 },
] as const;

interface Bucket {
  left: number;
  updatedAtMs: number;
}

/** By the caller's clock, which a test may set; all of the limits have to agree. */
export function createRateLimits(now: () => number): RateLimits {
  const bucketsOf = new Map<string, Bucket[]>();

  function refill(address: string): Bucket[] {
    const buckets =
      bucketsOf.get(address) ?? limits.map(({ burst }) => ({ left: burst, updatedAtMs: now() }));
    bucketsOf.set(address, buckets);
    for (const [index, bucket] of buckets.entries()) {
      const { burst, periodMs } = limits[index] ?? limits[0];
      const gained = (now() - bucket.updatedAtMs) / periodMs;
      bucket.left = Math.min(burst, bucket.left + gained);
      bucket.updatedAtMs = now();
    }
    return buckets;
  }

  return {
    take(address) {
      const buckets = refill(address);
      const waits = buckets.map(({ left }, index) =>
        left >= 1 ? 0 : (1 - left) * (limits[index] ?? limits[0]).periodMs,
      );
      const waitMs = Math.max(...waits);
      if (waitMs > 0) return Math.ceil(waitMs / 1000);
      for (const bucket of buckets) bucket.left -= 1;
      return undefined;
    },
    giveBack(address) {
      for (const [index, bucket] of refill(address).entries()) {
        bucket.left = Math.min((limits[index] ?? limits[0]).burst, bucket.left + 1);
      }
    },
  };
}
