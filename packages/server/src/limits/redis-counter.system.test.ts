import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { findRedisProblem, startRedis } from '../testing/redis.test-support.ts';
import { openRedisCounter } from './redis-counter.ts';

const problem = findRedisProblem();
const title = problem === undefined ? 'a real Redis' : `a real Redis: ${problem}`;
const limits = { limit: 5, windowMs: 60_000 };
const one = { ...limits, count: 1, room: 1 };

describe.skipIf(problem !== undefined)(title, () => {
  test('counts for all processes together, and a batch that does not fit takes nothing', async () => {
    await using redis = await startRedis(await findFreePort());
    const here = await open(redis.url);
    const there = await open(redis.url);
    const take = (counter: typeof here, count: number, room = count) =>
      counter.take('ann', { ...limits, count, room });
    expect([await take(here, 2), await take(there, 2)]).toEqual([undefined, undefined]);
    expect(await take(here, 2)).toBeGreaterThan(0);
    expect(await take(there, 0, 1)).toBeUndefined();
    expect(await take(there, 1)).toBeUndefined();
    const waitMs = await take(here, 0, 1);
    expect(waitMs).toBeGreaterThan(0);
    expect(waitMs).toBeLessThanOrEqual(60_000);
    expect(await here.take('bob', one)).toBeUndefined();
    expect([...here.told, ...there.told]).toEqual([]);
  });

  test("a key's window ends", async () => {
    await using redis = await startRedis(await findFreePort());
    const counter = await open(redis.url);
    const short = { limit: 1, windowMs: 50, count: 1, room: 1 };
    expect(await counter.take('ann', short)).toBeUndefined();
    await expect.poll(() => counter.take('ann', short)).toBeUndefined();
  });

  test('is told once to be away, and counts again once it is back', async () => {
    const port = await findFreePort();
    const counter = await open(`redis://127.0.0.1:${port}`);
    expect(counter.told).toEqual(['ECONNREFUSED']);
    await expect(counter.take('ann', one)).rejects.toThrow();
    await using redis = await startRedis(port);
    await expect.poll(() => counter.take('ann', one).catch(() => 'away')).toBeUndefined();
    await redis.stop();
    await expect(counter.take('ann', one)).rejects.toThrow();
    await expect(counter.take('ann', one)).rejects.toThrow();
    await using _again = await startRedis(port);
    await expect.poll(() => counter.take('ann', one).catch(() => 'away')).toBeUndefined();
    expect(counter.told).toHaveLength(4);
    expect(counter.told.filter((what) => what === 'back')).toHaveLength(2);
  });

  test('one that has stopped answering is away too', async () => {
    await using redis = await startRedis(await findFreePort());
    const counter = await open(redis.url);
    process.kill(redis.pid, 'SIGSTOP');
    await expect(counter.take('ann', one)).rejects.toThrow();
    expect(counter.told).toEqual(['ETIMEDOUT']);
  });

  test('a wrong password is told by its code alone', async () => {
    await using redis = await startRedis(await findFreePort(), { password: 'right' });
    const counter = await open(redis.url.replace('//', '//:a-wrong-password@'));
    await expect(counter.take('ann', one)).rejects.toThrow();
    expect(counter.told).toHaveLength(1);
    expect(counter.told[0]).toMatch(/^[A-Z]+$/);
  });
});

async function open(url: string) {
  const told: string[] = [];
  const counter = await openRedisCounter({
    url,
    onAway: (reason) => told.push(reason),
    onBack: () => told.push('back'),
  });
  onTestFinished(() => counter[Symbol.asyncDispose]());
  return { ...counter, told };
}

async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // of TCP
  server.close();
  await once(server, 'close');
  return port;
}
