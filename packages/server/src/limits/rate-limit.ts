// How much each caller may ask in a minute, and how often an address may fail to authenticate.

import { isIPv4, isIPv6 } from 'node:net';
import { AppError } from '@ondemand/core';

export interface RateLimitOptions {
  /** Of requests by one token subject; 0 for no limits at all. */
  readonly perMinute: number;
  /** In milliseconds, never going back. */
  readonly now?: () => number;
}

/** Both throw `TOO_MANY_REQUESTS` with `details.retryAfterSeconds`. State is this process's own and bounded. */
export interface RateLimit {
  /** Counts the calls of one request by a subject whose token was valid. */
  countCalls(sub: string, calls: number): void;
  /** Counts a failed authentication; a tenth of the limit, by address. */
  countFailure(address: string): void;
  /** Counts nothing; throws once the address may not fail any more. */
  requireAttempt(address: string): void;
}

export function createRateLimit({
  perMinute,
  now = () => performance.now(),
}: RateLimitOptions): RateLimit {
  const calls = createWindows({ limit: perMinute, now });
  const failures = createWindows({ limit: Math.ceil(perMinute / 10), now });
  return {
    countCalls: (sub, count) =>
      refuse(calls.take(sub, count), `This token's subject may ask ${perMinute} times a minute`),
    countFailure: (address) =>
      refuse(failures.take(toNetwork(address), 1), 'Too many failed authentications'),
    requireAttempt: (address) =>
      refuse(failures.waitMs(toNetwork(address)), 'Too many failed authentications'),
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
    /** How many milliseconds to wait, or undefined when there was room. What is worth more than the limit takes all of it. */
    take(key: string, count: number): number | undefined {
      if (limit === 0) return undefined;
      const time = now();
      const window = currentWindow(key, time) ?? open(key, time);
      const worth = Math.min(count, limit);
      if (window.taken + worth > limit) return window.endsAt - time;
      window.taken += worth;
      return undefined;
    },
    /** The same for one more, without taking it. */
    waitMs(key: string): number | undefined {
      const time = now();
      const window = limit === 0 ? undefined : currentWindow(key, time);
      return window === undefined || window.taken < limit ? undefined : window.endsAt - time;
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
