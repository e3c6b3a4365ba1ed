import { AppError } from '@ondemand/core';
import { describe, expect, test } from 'vitest';
import { parseBearer } from '../auth/bearer.ts';
import { invalidToken } from '../auth/challenge.ts';
import type { TrpcErrorData } from '../procedures/base.ts';
import { askRaw } from '../testing/raw-request.test-support.ts';
import {
  expectApiError,
  readJson,
  startTestServer,
  type TestServer,
} from '../testing/test-server.test-support.ts';

const startLimited = (perMinute: number, options: { trustProxy?: boolean | string } = {}) =>
  startTestServer({}, { rateLimitPerMinute: perMinute, ...options });

async function expectTooMany(response: Response): Promise<void> {
  const seconds = Number(response.headers.get('retry-after'));
  expect(seconds).toBeGreaterThan(0);
  expect(seconds).toBeLessThanOrEqual(60);
  const { details, message } = await expectApiError(response, 'TOO_MANY_REQUESTS');
  expect(details.retryAfterSeconds).toBe(seconds);
  expect(message).toContain(`${seconds} s`);
}

async function statuses(ask: () => Promise<Response>, times: number): Promise<number[]> {
  const found: number[] = [];
  for (let count = 0; count < times; count += 1) found.push((await ask()).status);
  return found;
}

describe("a subject's limit", () => {
  test('holds for everything with a token: reads, actions, refusals, unknown paths, bad URLs', async () => {
    await using server = await startLimited(5);
    await server.ask('/vm/status', { as: 'admin' });
    await server.ask('/trpc/whoami', { as: 'admin' });
    await server.ask('/nope', { as: 'admin' });
    await server.ask('/containers/;/stop', { as: 'admin', method: 'POST' });
    await server.ask('/containers/%zz/stop', { as: 'admin', method: 'POST' });
    for (const path of ['/vm/status', '/nope', '/containers/%zz/status'])
      await expectTooMany(await server.ask(path, { as: 'admin' }));
    await expectTooMany(await server.ask('/vm/start', { as: 'admin', method: 'POST' }));
    expect(server.actions).toEqual([]);
  });

  test('is each subject its own', async () => {
    await using server = await startLimited(1);
    const ask = (as: 'read' | 'admin') => () => server.ask('/vm/status', { as });
    expect(await statuses(ask('admin'), 2)).toEqual([200, 429]);
    expect(await statuses(ask('read'), 2)).toEqual([200, 429]);
  });

  test('is not taken by what needs no token', async () => {
    await using server = await startLimited(1);
    for (const path of ['/healthz', '/readyz', '/openapi.json', '/docs'])
      expect(await statuses(() => server.ask(path, { as: 'admin' }), 3)).not.toContain(429);
    expect((await server.ask('/vm/status', { as: 'admin' })).status).toBe(200);
  });

  test('counts each call of a tRPC batch, however the commas are written', async () => {
    for (const path of ['vm.status,whoami,vm.status', 'vm.status%2Cwhoami%2cvm.status']) {
      await using server = await startLimited(5);
      const ask = () => server.ask(`/trpc/${path}?batch=1`, { as: 'read' });
      expect(await statuses(ask, 2)).toEqual([200, 429]);
      expect((await server.ask('/trpc/vm.status,whoami?batch=1', { as: 'read' })).status).toBe(200);
      expect((await server.ask('/vm/status', { as: 'read' })).status).toBe(429);
    }
  });

  test('counts them by the whole URL too, as a client of a proxy sends it', async () => {
    await using server = await startLimited(5);
    const ask = () =>
      askRaw(server, [
        'GET http://x/trpc/vm.status,whoami,vm.status?batch=1 HTTP/1.1',
        'host: x',
        'authorization: Bearer read',
      ]);
    expect(await statuses(ask, 2)).toEqual([200, 429]);
  });

  test('is told in the envelope of tRPC', async () => {
    await using server = await startLimited(1);
    await server.ask('/trpc/whoami', { as: 'read' });
    for (const path of ['/trpc/whoami', '/trpc/whoami,vm.status?batch=1']) {
      const response = await server.ask(path, { as: 'read' });
      const { error } = await readJson<{ error: { message: string; data: TrpcErrorData } }>(
        response,
      );
      expect(response.status).toBe(429);
      expect(response.headers.get('retry-after')).toMatch(/^\d+$/);
      expect(error.data).toMatchObject({
        code: 'TOO_MANY_REQUESTS',
        httpStatus: 429,
        message: error.message,
      });
    }
  });
});

describe('failed authentication', () => {
  const guess = (server: TestServer, path = '/vm/status', authorization = 'Bearer guess') =>
    server.ask(path, { headers: { authorization } });

  test('is refused after a tenth of the limit, and a valid token from there still works', async () => {
    await using server = await startLimited(30);
    expect(await statuses(() => guess(server), 3)).toEqual([401, 401, 401]);
    for (const path of ['/vm/status', '/nope', '/containers/%zz/status'])
      await expectTooMany(await guess(server, path));
    expect((await server.ask('/vm/status')).status).toBe(401); // no attempt, but how a client asks what is wanted
    expect((await guess(server, '/trpc/whoami')).status).toBe(429);
    expect((await server.ask('/vm/status', { as: 'read' })).status).toBe(200);
    expect((await server.ask('/healthz')).status).toBe(200);
  });

  test('counts in whatever form credentials fail, not where there are none', async () => {
    await using server = await startLimited(20);
    expect(await statuses(() => server.ask('/vm/status'), 5)).toEqual([401, 401, 401, 401, 401]);
    expect((await guess(server, '/vm/status', 'Basic x')).status).toBe(401);
    expect((await guess(server, '/vm/status', 'Bearer a b')).status).toBe(400);
    expect((await guess(server, '/trpc/vm.status')).status).toBe(401);
    expect((await guess(server)).status).toBe(429);
  });

  test('is not a valid token that may not, nor an issuer that cannot be asked', async () => {
    await using server = await startTestServer(
      {},
      {
        rateLimitPerMinute: 10,
        authenticate: async (authorization) => {
          const sub = parseBearer(authorization);
          if (sub === 'guess') throw invalidToken('The token is not known');
          if (sub === 'read')
            return { sub, clientId: 'test', scopes: ['read'], expiresAt: new Date().toISOString() };
          throw new AppError('SERVICE_UNAVAILABLE', 'the issuer is out of reach');
        },
      },
    );
    const stop = () => server.ask('/vm/stop', { as: 'read', method: 'POST' });
    expect(await statuses(stop, 3)).toEqual([403, 403, 403]);
    expect(await statuses(() => server.ask('/vm/status', { as: 'admin' }), 3)).toEqual([
      503, 503, 503,
    ]);
    expect(await statuses(() => guess(server), 2)).toEqual([401, 429]);
  });
});

describe('what an address over its limit sends', () => {
  const startAsking = async (options: { trustProxy?: string } = {}) => {
    const asked: string[] = [];
    const server = await startTestServer(
      {},
      {
        rateLimitPerMinute: 20,
        ...options,
        authenticate: async (authorization, origin) => {
          const sub = parseBearer(authorization);
          if (sub !== 'known') await origin?.requireAttempt();
          asked.push(`${sub} of ${origin?.network}`);
          if (sub.startsWith('unchecked'))
            throw new AppError('SERVICE_UNAVAILABLE', 'too many unknown tokens', {
              details: { reason: 'TOKEN_NOT_CHECKED', retryAfterSeconds: 1 },
            });
          if (sub.startsWith('guess')) throw invalidToken('The token is not known');
          return { sub, clientId: 'test', scopes: ['read'], expiresAt: '2030-01-01T00:00:00.000Z' };
        },
      },
    );
    const ask = (token: string, from = '192.0.2.1') =>
      server.ask('/whoami', {
        headers: { authorization: `Bearer ${token}`, 'x-forwarded-for': from },
      });
    return { server, asked, ask };
  };

  test('is not asked about, valid or not, and known callers go on', async () => {
    const { server, asked, ask } = await startAsking();
    await using _ = server;
    expect([(await ask('guess-1')).status, (await ask('guess-2')).status]).toEqual([401, 401]);
    await expectTooMany(await ask('guess-3'));
    await expectTooMany(await ask('good-and-new'));
    expect((await ask('known')).status).toBe(200);
    expect(asked.map((each) => each.split(' ')[0])).toEqual(['guess-1', 'guess-2', 'known']);
  });

  test('counts by network, and so do tokens that were too many to be checked', async () => {
    const { server, asked, ask } = await startAsking({ trustProxy: 'loopback' });
    await using _ = server;
    for (const token of ['unchecked-1', 'unchecked-2'])
      await expectApiError(await ask(token, '2001:db8::1'), 'SERVICE_UNAVAILABLE');
    await expectTooMany(await ask('unchecked-3', '2001:db8::2'));
    expect((await ask('good', '2001:db8:0:1::1')).status).toBe(200);
    expect(asked).toEqual([
      'unchecked-1 of 2001:db8:0:0',
      'unchecked-2 of 2001:db8:0:0',
      'good of 2001:db8:0:1',
    ]);
  });
});

describe('behind a proxy', () => {
  const guessFrom = (server: TestServer, address: string) => () =>
    server.ask('/vm/status', {
      headers: { 'x-forwarded-for': address, authorization: 'Bearer guess' },
    });

  test('X-Forwarded-For counts for nothing by default', async () => {
    await using server = await startLimited(10);
    expect(await statuses(guessFrom(server, '192.0.2.1'), 1)).toEqual([401]);
    expect(await statuses(guessFrom(server, '192.0.2.2'), 1)).toEqual([429]);
  });

  test('that is trusted, each address behind it has its own limit', async () => {
    for (const trustProxy of [true, '127.0.0.1', 'loopback', '127.0.0.0/8']) {
      await using server = await startLimited(10, { trustProxy });
      expect(await statuses(guessFrom(server, '192.0.2.1'), 2)).toEqual([401, 429]);
      expect(await statuses(guessFrom(server, '192.0.2.2'), 2)).toEqual([401, 429]);
    }
  });

  test('that is another than the trusted one, X-Forwarded-For counts for nothing', async () => {
    await using server = await startLimited(10, { trustProxy: '10.0.0.0/8' });
    expect(await statuses(guessFrom(server, '192.0.2.1'), 1)).toEqual([401]);
    expect(await statuses(guessFrom(server, '192.0.2.2'), 1)).toEqual([429]);
  });

  test('that is trusted alone, what a caller claims before it counts for nothing', async () => {
    await using server = await startLimited(10, { trustProxy: '127.0.0.1' });
    expect(await statuses(guessFrom(server, '203.0.113.1, 192.0.2.1'), 1)).toEqual([401]);
    expect(await statuses(guessFrom(server, '203.0.113.2, 192.0.2.1'), 1)).toEqual([429]);
  });
});
