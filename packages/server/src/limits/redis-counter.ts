// Counts in Redis, so that all processes of the API share their limits.

import type { Redis } from 'ioredis';

export interface SharedCounter {
  /**
   * Counts `count` more of a key, if `room` more stay within `limit`; else gives the milliseconds until the key's window ends.
   * Rejects, soon, while Redis cannot be used.
   */
  take(key: string, request: TakeRequest): Promise<number | undefined>;
}

export interface TakeRequest {
  readonly count: number;
  readonly room: number;
  readonly limit: number;
  readonly windowMs: number;
}

export interface RedisCounterOptions {
  /** `redis://` or `rediss://`, with user and password where Redis wants them. */
  readonly url: string;
  /** Told once for each time; the reason holds nothing of the URL. */
  readonly onAway: (reason: string) => void;
  readonly onBack: () => void;
}

/** Resolves once Redis answers, or could not be reached at first; it then goes on trying. */
export async function openRedisCounter(
  options: RedisCounterOptions,
): Promise<SharedCounter & AsyncDisposable> {
  const redis = await connect(options.url);
  let isAway = false;
  let retryAtMs = Number.NEGATIVE_INFINITY;
  const markAway = (error: unknown) => {
    retryAtMs = performance.now() + retryMs;
    if (isAway) return;
    isAway = true;
    options.onAway(toReason(error));
  };
  redis.on('error', markAway);
  await redis.connect().catch(markAway);

  return {
    async take(key, { count, room, limit, windowMs }) {
      if (isAway && performance.now() < retryAtMs) throw new Error('Redis is away');
      try {
        const waitMs = Number(await redis.eval(script, 1, key, count, room, limit, windowMs));
        if (isAway) options.onBack();
        isAway = false;
        return waitMs === 0 ? undefined : waitMs;
      } catch (error) {
        markAway(error);
        throw error;
      }
    },
    async [Symbol.asyncDispose]() {
      redis.disconnect();
    },
  };
}

/** While it is away each request would wait for the timeout otherwise. */
const retryMs = 1_000;

async function connect(url: string): Promise<Redis> {
  const { Redis } = await import('ioredis'); // loaded only where it is used
  return new Redis(url, {
    lazyConnect: true,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    connectTimeout: 2_000,
    commandTimeout: 1_000,
    retryStrategy: (attempts) => Math.min(attempts * 100, 5_000),
  });
}

/** One step for Redis, so that no other process counts in between. */
const script = `
local taken = tonumber(redis.call('GET', KEYS[1]) or '0')
if taken + tonumber(ARGV[2]) > tonumber(ARGV[3]) then
  return math.max(1, redis.call('PTTL', KEYS[1]))
end
if tonumber(ARGV[1]) > 0 then
  redis.call('INCRBY', KEYS[1], ARGV[1])
  if redis.call('PTTL', KEYS[1]) < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[4]) end
end
return 0`;

/** The message of an error can quote what was sent, the password too; its code, or the first word, cannot. */
function toReason(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  if ('code' in error && typeof error.code === 'string') return error.code;
  return (
    /^[A-Z]{3,}\b/.exec(error.message)?.[0] ??
    (timedOut.test(error.message) ? 'ETIMEDOUT' : 'ECONNRESET')
  );
}

const timedOut = /timed out|ETIMEDOUT/;
