// The opening of a subscription: what refuses it, and how long it may take.

import { createServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import {
  type CannedAnswer,
  failure,
  result,
  startCannedApi,
} from '../testing/canned-api.test-support.ts';
import { startCannedStreams } from '../testing/canned-stream.test-support.ts';
import { fakeTimeouts } from '../testing/fake-timeouts.test-support.ts';
import { expectRejection } from '../testing/rejection.test-support.ts';
import {
  collect,
  collectUntilError,
  type Follow,
  follow,
} from '../testing/subscription.test-support.ts';

describe('a refused opening is thrown at once:', () => {
  test.each<[string, CannedAnswer, string, number | undefined]>([
    ['no such container', failure(404, { code: 'NOT_FOUND', message: 'No' }), 'NOT_FOUND', 404],
    ['no token', failure(401, { code: 'UNAUTHORIZED', message: 'No' }), 'UNAUTHORIZED', 401],
    [
      'a VM that is off',
      failure(503, { code: 'SERVICE_UNAVAILABLE', message: 'No' }),
      'SERVICE_UNAVAILABLE',
      503,
    ],
    [
      'too many requests',
      failure(429, { code: 'TOO_MANY_REQUESTS', message: 'No' }),
      'TOO_MANY_REQUESTS',
      429,
    ],
    ['a proxy that fails', { status: 502, body: '<h1>' }, 'SERVICE_UNAVAILABLE', 502],
    ['a redirect', { status: 302, headers: { location: '/login' } }, 'INVALID_RESPONSE', 302],
    ['a page', { body: '<html>' }, 'INVALID_RESPONSE', 200],
    ['an answer that is no stream', result({}), 'INVALID_RESPONSE', 200],
    ['an answer without content', { status: 204 }, 'INVALID_RESPONSE', 204],
    [
      'an error that calls itself a stream',
      { status: 500, headers: { 'content-type': 'text/event-stream' } },
      'SERVICE_UNAVAILABLE',
      500,
    ],
  ])('%s', async (_what, answer, code, status) => {
    await using api = await startCannedApi(() => answer);
    const { items, reconnects } = follow(api.url);
    const { error } = await collectUntilError(items);
    expect(error).toMatchObject({ code, status });
    expect(api.requests).toHaveLength(1);
    expect(reconnects).toEqual([]);
  });

  test('nobody listens', async () => {
    const { items } = follow(await closedUrl());
    await expectRejection(collect(items), {
      code: 'NETWORK_ERROR',
      message: /^Could not reach http:\/\/127\.0\.0\.1:\d+, or the connection broke/,
      details: { reason: 'ECONNREFUSED' },
    });
  });

  test('a stream that ends before it began', async () => {
    await using api = await startCannedStreams((stream) => stream.end());
    const { error } = await collectUntilError(follow(api.url).items);
    expect(error.code).toBe('NETWORK_ERROR');
    expect(api.requests).toHaveLength(1);
  });

  test('a token that cannot be had', async () => {
    await using api = await startCannedStreams('hang');
    const client = { token: () => Promise.reject(new Error('no issuer')) };
    const { error } = await collectUntilError(follow(api.url, { client }).items);
    expect(error.code).toBe('TOKEN_ERROR');
    expect(api.requests).toEqual([]);
  });

  test.each<[string, Follow]>([
    ['of the subscription', { client: { timeoutMs: 60_000 }, options: { timeoutMs: 40 } }],
    ['of the client', { client: { timeoutMs: 40 } }],
  ])('no answer within the timeoutMs %s', async (_whose, settings) => {
    const clock = fakeTimeouts();
    await using api = await startCannedStreams('hang');
    const rejected = expectRejection(collect(follow(api.url, settings).items), {
      code: 'TIMEOUT',
      message: /began no stream within 40 ms; try again, or raise timeoutMs$/,
    });
    await clock.until(() => api.requests.length === 1);
    await clock.pass(40);
    await rejected;
    await clock.until(() => api.dropped() === 1);
  });

  test('a stream that is held back, as by a proxy that collects it', async () => {
    const clock = fakeTimeouts();
    await using api = await startCannedStreams(() => {});
    const options = { timeoutMs: 40 };
    const failing = collectUntilError(follow(api.url, { options }).items);
    await clock.until(() => api.requests.length === 1);
    await clock.pass(40);
    expect((await failing).error.code).toBe('TIMEOUT');
    await clock.until(() => api.dropped() === 1);
  });
});

test('an open stream outlives timeoutMs', async () => {
  const clock = fakeTimeouts();
  let finish = () => {};
  await using api = await startCannedStreams(async (stream) => {
    stream.item('1', 'a');
    finish = stream.finish;
  });
  const given: unknown[] = [];
  for await (const item of follow(api.url, { options: { timeoutMs: 50 } }).items) {
    given.push(item);
    await clock.pass(150);
    finish();
  }
  expect(given).toEqual(['a']);
  expect(api.requests).toHaveLength(1);
});

async function closedUrl(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no TCP server');
  return `http://127.0.0.1:${address.port}`;
}
