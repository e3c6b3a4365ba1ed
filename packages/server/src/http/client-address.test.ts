import { describe, expect, test } from 'vitest';
import { startTestServer } from '../testing/test-server.test-support.ts';

/** Proves which address was judged: a tenth of the limit for failures of one, and the next is refused. */
async function isSameCaller(first: string, second: string): Promise<boolean> {
  await using server = await startTestServer(
    {},
    { trustProxy: 'loopback', rateLimitPerMinute: 10 },
  );
  const ask = (address: string) =>
    server.ask('/vm/status', {
      headers: { 'x-forwarded-for': address, authorization: 'Bearer guess' },
    });
  expect((await ask(first)).status).toBe(401);
  return (await ask(second)).status === 429;
}

describe('X-Forwarded-For', () => {
  test.each([
    ['10.0.0.1:5555', '10.0.0.1'],
    ['10.0.0.1:5555', '10.0.0.1:6666'],
    ['[2001:db8::1]:443', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['[::ffff:10.0.0.1]:80', '10.0.0.1:81'],
    ['10.0.0.1:5555, 127.0.0.1:80', '10.0.0.1'],
    ['unknown', 'garbage, 127.0.0.1:1'],
  ])('%s and %s are one caller', async (first, second) => {
    expect(await isSameCaller(first, second)).toBe(true);
  });

  test.each([
    ['10.0.0.1:5555', '10.0.0.2:5555'],
    ['[2001:db8::1]:443', '[2001:db8:1::1]:443'],
    ['unknown', '10.0.0.1:1'],
  ])('%s and %s are two', async (first, second) => {
    expect(await isSameCaller(first, second)).toBe(false);
  });
});
