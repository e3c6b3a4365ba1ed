// The life of a stream: who may read it, what ends it, and what it takes of the process meanwhile.

import { Agent } from 'node:http';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { createAuthenticator } from '../auth/authenticator.ts';
import { skewSeconds } from '../auth/claims.ts';
import { endAtOnce } from '../testing/end-at-once.test-support.ts';
import { createTestClock, issuerFaults, startTestIssuer } from '../testing/issuer.test-support.ts';
import {
  askedWhenStill,
  logs,
  startLogServer,
  tRpcLogs,
} from '../testing/log-server.test-support.ts';
import { openReader, toLine } from '../testing/stream.test-support.ts';
import { expectApiError, type TestServer } from '../testing/test-server.test-support.ts';

/** Ten to fifteen seconds: behind a proxy a reader that reconnects too early gets a 502, which ends an EventSource for good. */
const comeBackLater = { retry: expect.stringMatching(/^1[0-5]\d{3}$/) };

describe('a reader', () => {
  test('a reader that leaves is noticed at once, also while nothing is sent', async () => {
    await using server = await startLogServer();
    const reader = await openReader(server, logs);
    expect(server.isAborted()).toBe(false);
    reader.leave();
    await expect.poll(() => server.source.isLeft).toBe(true);
    expect(server.isAborted()).toBe(true);
  });

  test('HEAD gets the headers, and the source is closed', async () => {
    await using server = await startLogServer();
    using reader = await openReader(server, logs, { method: 'HEAD' });
    expect(reader.status).toBe(200);
    expect(reader.headers['content-type']).toBe('text/event-stream; charset=utf-8');
    expect(reader.headers).not.toHaveProperty('content-length');
    expect(await reader.ended()).toBe('');
    expect(server.source.isLeft).toBe(true);
    const missing = await server.ask('/containers/ngnix/logs/stream', {
      as: 'read',
      method: 'HEAD',
    });
    expect(missing.status).toBe(404);
  });

  test('who uses another method is told which there are', async () => {
    await using server = await startLogServer();
    const response = await server.ask(logs, { as: 'admin', method: 'POST' });
    await expectApiError(response, 'METHOD_NOT_ALLOWED');
    expect(response.headers.get('allow')).toBe('GET, HEAD');
  });

  test('on a page of a configured origin may read it', async () => {
    const origin = 'https://app.example.com';
    await using server = await startLogServer({ corsOrigins: [origin] });
    using reader = await openReader(server, logs, { headers: { origin } });
    expect(reader.headers).toMatchObject({
      'access-control-allow-origin': origin,
      vary: 'accept, origin',
    });
  });

  test('counts once against the limit, however much there is to read', async () => {
    await using server = await startLogServer({ rateLimitPerMinute: 2 });
    using reader = await openReader(server, logs);
    server.source.push([toLine(1)], [toLine(2)], [toLine(3)]);
    await reader.until(4);
    using second = await openReader(server, logs);
    expect(second.status).toBe(200);
    const response = await server.ask(logs, { as: 'read' });
    await expectApiError(response, 'TOO_MANY_REQUESTS');
  });
});

describe('a stream ends', () => {
  const expiringIn = (ms: number) => async () => ({
    sub: 'a',
    clientId: 'test',
    scopes: ['read' as const],
    expiresAt: new Date(Date.now() + ms - skewSeconds * 1000).toISOString(),
  });

  test('with its token: without failure, and without an end', async () => {
    await using server = await startLogServer({ authenticate: expiringIn(300) });
    using reader = await openReader(server, logs);
    server.source.push([toLine(1)]);
    await reader.ended();
    expect(reader.events().at(-1)).toEqual(comeBackLater);
    expect(server.isAborted()).toBe(true);
    expect(server.source.isLeft).toBe(true);
  });

  test('with its token as bare text: cut off', async () => {
    await using server = await startLogServer({ authenticate: expiringIn(300) });
    using reader = await openReader(server, logs, { headers: { accept: 'text/plain' } });
    await expect(reader.ended()).rejects.toThrow('the stream is cut');
  });

  test.each([
    ['REST', logs, comeBackLater],
    ['tRPC', tRpcLogs, { id: '1', data: '{"line":"line 1","stream":"stdout"}' }],
  ])(
    'with its opaque token over %s, once that is revoked and not while its issuer is out of order',
    async (_, path, last) => {
      await using issuer = await startTestIssuer();
      const audience = 'https://ondemand.example.com';
      const active = { active: true, scope: 'read', sub: 'a', client_id: 'cli', aud: audience };
      issuer.answers['/introspect'] = { ...active, exp: 4_000_000_000 };
      const clock = createTestClock();
      const { authenticate } = createAuthenticator({
        issuer: issuer.url,
        audience,
        scopeNames: { read: 'read', wake: 'wake', admin: 'admin' },
        client: { id: 'api', secret: 'secret' },
        now: clock.now,
      });
      vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
      onTestFinished(() => {
        vi.useRealTimers();
      });
      /** Past what is remembered of the token, and to the next check of it. */
      const recheck = async () => {
        const before = issuer.count('/introspect');
        clock.advance(30_000);
        let steps = 0;
        await vi.waitFor(() => {
          // On a busy machine the answer before this arrives late, and is then remembered from here on.
          if (++steps <= 12) clock.advance(5000);
          vi.advanceTimersByTime(5000);
          expect(issuer.count('/introspect')).toBeGreaterThan(before);
        }, 120_000);
      };

      await using server = await startLogServer({ authenticate });
      using reader = await openReader(server, path, { as: 'opaque' });
      issuer.answers['/introspect'] = issuerFaults['answering 500'];
      await recheck();
      await recheck();
      server.source.push([toLine(1)]);
      await reader.until(2);
      issuer.answers['/introspect'] = { active: false };
      await recheck();
      await reader.ended();
      expect(reader.events().at(-1)).toEqual(last);
      expect(server.isAborted()).toBe(true);
      expect(server.source.isLeft).toBe(true);
    },
  );

  test('not with a token that nobody can revoke, which is checked once', async () => {
    let checks = 0;
    const authenticate = async () => {
      checks += 1;
      return expiringIn(3_600_000)();
    };
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    await using server = await startLogServer({ authenticate });
    using reader = await openReader(server, logs);
    await reader.until(1);
    vi.advanceTimersByTime(60_000);
    expect(checks).toBe(1);
  });

  test('with the process, which does not wait for it', async () => {
    const server = await startLogServer();
    using reader = await openReader(server, logs);
    await reader.until(1);
    await server[Symbol.asyncDispose]();
    await reader.ended();
    expect(reader.events()).toEqual([expect.objectContaining({ event: 'ready' }), comeBackLater]);
    expect(server.source.isLeft).toBe(true);
  });
});

test('a reader whose connection would be kept does not hold the end of the process up', async () => {
  const server = await startLogServer();
  const agent = new Agent({ keepAlive: true });
  using reader = await openReader(server, logs, { agent });
  await reader.until(1);
  await server[Symbol.asyncDispose]();
  agent.destroy();
});

test('a reader who takes nothing does not hold the end of the process up', async () => {
  const server = await startLogServer();
  using reader = await openReader(server, logs);
  await reader.until(1);
  reader.pause();
  const batch = Array.from({ length: 100 }, (_, number) => toLine(number, 'x'.repeat(1000)));
  for (let count = 0; count < 500; count += 1) server.source.push(batch); // more than fits on the way
  await askedWhenStill(server.source);
  await endAtOnce(server);
});

describe('of all streams of a process', () => {
  test('only so many of one subject are open at once, over both transports together', async () => {
    await using server = await startLogServer({ maxStreams: 8 });
    using first = await openReader(server, logs);
    using second = await openReader(server, tRpcLogs);
    expect([first.status, second.status]).toEqual([200, 200]);
    const response = await server.ask(logs, { as: 'read' });
    const { details } = await expectApiError(response, 'SERVICE_UNAVAILABLE');
    expect(details).toMatchObject({ reason: 'TOO_MANY_STREAMS', retryAfterSeconds: 5 });
    expect(response.headers.get('retry-after')).toBe('5');
    expect((await server.ask(tRpcLogs, { as: 'read' })).status).toBe(503);
    expect(server.asked).toHaveLength(2);
    second.leave();
    const askAgain = async () => {
      using third = await openReader(server, logs);
      return third.status;
    };
    await expect.poll(askAgain).toBe(200);
  });

  test('those that failed, ended or were only asked about take no place', async () => {
    await using server: Awaited<ReturnType<typeof startLogServer>> & TestServer =
      await startLogServer({ maxStreams: 1 });
    const path = '/containers/ngnix/logs/stream';
    for (let count = 0; count < 3; count += 1) {
      expect((await server.ask(path, { as: 'read' })).status).toBe(404);
      expect((await server.ask(`${logs}?tail=x`, { as: 'read' })).status).toBe(400);
      expect((await server.ask(logs, { as: 'read', method: 'HEAD' })).status).toBe(200);
      using reader = await openReader(server, logs);
      expect(reader.status).toBe(200);
      server.source.end();
      await reader.ended();
    }
  });
});
