// How much each caller may ask in a minute, and how often an address may fail to authenticate.

import { isIPv4, isIPv6 } from 'node:net';
import { AppError } from '@ondemand/core';
import type { SharedCounter, TakeRequest } from './redis-counter.ts';

export interface RateLimitOptions {
  /** Of requests by one token subject; 0 for no limits at all. */
  readonly perMinute: number;
  /** Shared by all processes; while it rejects, this process counts for itself. */
  readonly shared?: SharedCounter | undefined;
  /** In milliseconds, never going back. */
  readonly now?: () => number;
}

/** All throw `TOO_MANY_REQUESTS` with `details.retryAfterSeconds`. The state in this process is bounded. */
export interface RateLimit {
  /** Counts the calls of one request by a subject whose token was valid. */
  countCalls(sub: string, calls: number): Promise<void>;
  /** Counts a failed authentication; a tenth of the limit, by address. */
  countFailure(address: string): Promise<void>;
  /** Counts nothing; throws once the address may not fail any more. */
  requireAttempt(address: string): Promise<void>;
}

export function createRateLimit(options: RateLimitOptions): RateLimit {
  const { perMinute } = options;
  const calls = createCounter('calls', perMinute, options);
  const failures = createCounter('failures', Math.ceil(perMinute / 10), options);
  return {
    async countCalls(sub, count) {
      const waitMs = await calls.take(sub, count);
      refuse(waitMs, `This token's subject may ask ${perMinute} times a minute`);
    },
    async countFailure(address) {
      refuse(await failures.take(toNetwork(address), 1), 'Too many failed authentications');
    },
    async requireAttempt(address) {
      refuse(await failures.waitMs(toNetwork(address)), 'Too many failed authentications');
    },
  };
}

/** Counts what the shared counter cannot count; what is worth more than the limit takes all of it. */
function createCounter(
  name: string,
  limit: number,
  { shared, now = () => performance.now() }: RateLimitOptions,
) {
  const windows = createWindows({ limit, now });
  const take = async (key: string, count: number, room: number) => {
    if (limit === 0) return undefined;
    try {
      if (shared !== undefined)
        return await shared.take(`ondemand:${name}:${key}`, { count, room, limit, windowMs });
    } catch {} // the counter itself tells that it is away
    return windows.take(key, { count, room });
  };
  return {
    /** How many milliseconds to wait, or undefined when there was room. */
    take(key: string, count: number) {
      const worth = Math.min(count, limit);
      return take(key, worth, worth);
    },
    /** The same for one more, without taking it. */
    waitMs: (key: string) => take(key, 0, 1),
  };
}

function refuse(waitMs: number | undefined, why: string): void {
  if (waitMs === undefined) return;
  const retryAfterSeconds = Math.max(1, Math.ceil(waitMs / 1000));
  throw new AppError('TOO_MANY_REQUESTS', `${why}; try again in ${retryAfterSeconds} s`, {
    details: { retryAfterSeconds },
  });
}

interface Window {
  readonly endsAt: number;
  taken: number;
}

const windowMs = 60_000;

/** An attacker with more addresses than this is not stopped by counting them; memory is what has to be safe. */
const maxKeys = 10_000;

/** A key's minute begins with its first request. */
function createWindows({ limit, now }: { readonly limit: number; readonly now: () => number }) {
  const windows = new Map<string, Window>(); // in the order in which they end

  return {
    take(key: string, { count, room }: Pick<TakeRequest, 'count' | 'room'>): number | undefined {
      const time = now();
      const window = currentWindow(key, time);
      if (window !== undefined && window.taken + room > limit) return window.endsAt - time;
      if (count > 0) (window ?? open(key, time)).taken += count;
      return undefined;
    },
  };

  function currentWindow(key: string, time: number): Window | undefined {
    for (const [oldest, { endsAt }] of windows) {
      if (endsAt > time) break;
      windows.delete(oldest);
    }
    return windows.get(key);
  }

  function open(key: string, time: number): Window {
    const [oldest] = windows.keys();
    if (windows.size >= maxKeys && oldest !== undefined) windows.delete(oldest);
    const window = { endsAt: time + windowMs, taken: 0 };
    windows.set(key, window);
    return window;
  }
}

/** One household or host has a whole IPv6 /64, so that is counted as one address. */
export function toNetwork(address: string): string {
  const mapped = address.replace(/^::ffff:/i, '');
  if (isIPv4(mapped)) return mapped;
  if (!isIPv6(address)) return 'unknown'; // a proxy's header can hold anything
  const [head = [], tail = []] = address
    .replace(/%.*$/, '')
    .split('::')
    .map((part) => part.split(':').filter((group) => group !== ''));
  const zeros = Array.from({ length: Math.max(0, 8 - head.length - tail.length) }, () => '0');
  return [...head, ...zeros, ...tail]
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':');
}
