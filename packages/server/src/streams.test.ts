import { Agent } from 'node:http';
import { AppError, type PlacedEvent, type PlacedOutput } from '@ondemand/core';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { createAuthenticator } from './auth/authenticator.ts';
import { createTestClock, issuerFaults, startTestIssuer } from './auth/issuer.test-support.ts';
import { createSource, openReader, type Source, toLine } from './stream.test-support.ts';
import {
  expectApiError,
  type ServiceOverrides,
  startTestServer,
  type TestServer,
} from './testing.test-support.ts';

type Lines = Source<readonly ReturnType<typeof toLine>[]>;

/** A server whose followed log the test drives. */
async function startLogServer(options: Parameters<typeof startTestServer>[1] = {}) {
  const source: Lines = createSource();
  const asked: { name: string; options: Record<string, unknown> }[] = [];
  let signal: AbortSignal | undefined;
  const server = await startTestServer(
    {
      containers: {
        followLogs: async (name, { signal: given, ...rest } = {}) => {
          asked.push({ name, options: rest });
          signal = given;
          if (name === 'ngnix') throw new AppError('NOT_FOUND', `No container named '${name}'`);
          return source;
        },
      },
    },
    options,
  );
  return {
    ...server,
    source,
    asked,
    isAborted: () => signal?.aborted,
    [Symbol.asyncDispose]: server[Symbol.asyncDispose],
  };
}

/** How often it was asked, once it no longer is. */
async function askedWhenStill(source: Lines): Promise<number> {
  let seen = -1;
  await vi.waitFor(
    () => {
      const before = seen;
      seen = source.asked;
      expect(seen).toBe(before);
    },
    { interval: 200, timeout: 5000 },
  );
  return seen;
}

const logs = '/containers/nginx/logs/stream';
const tRpcLogs = `/trpc/containers.followLogs?input=${encodeURIComponent('{"name":"nginx"}')}`;

describe('a followed log', () => {
  test('is open before anything comes, and says so at once', async () => {
    await using server = await startLogServer();
    using reader = await openReader(server, logs);
    expect(reader.status).toBe(200);
    expect(reader.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
      'x-content-type-options': 'nosniff',
      'x-request-id': expect.stringMatching(/\S/),
      vary: 'accept',
    });
    expect(reader.headers).not.toHaveProperty('content-length');
    expect(await reader.until(1)).toEqual([{ comment: 'connected', retry: '2000' }]);
  });

  test('begins with the place to come back to, where there is one before the first line', async () => {
    await using server = await startLogServer();
    Object.assign(server.source, { position: 'here' });
    for (const [path, opening] of [
      [logs, { comment: 'connected', retry: '2000', id: 'here' }],
      [tRpcLogs, { event: 'connected', data: '{}', id: 'here' }],
    ] as const) {
      using reader = await openReader(server, path);
      expect(await reader.until(1)).toEqual([opening]);
    }
  });

  test('gives each line as an event without a name, in one line of JSON, and ends in `end`', async () => {
    await using server = await startLogServer();
    using reader = await openReader(server, logs);
    server.source.push([toLine(1), toLine(2, 'a\r\nb\u2028"\u{1f600}')], [], [toLine(3)]);
    server.source.end();
    expect(await reader.ended()).toBe(
      [
        ': connected\nretry: 2000\n\n',
        'id: 1\ndata: {"line":"line 1","stream":"stdout"}\n\n',
        'id: 2\ndata: {"line":"a\\r\\nb\u2028\\"\u{1f600}","stream":"stdout"}\n\n',
        'id: 3\ndata: {"line":"line 3","stream":"stdout"}\n\n',
        'event: end\ndata: {}\n\n',
      ].join(''),
    );
  });

  test('gives a line that comes alone without waiting for another', async () => {
    await using server = await startLogServer();
    using reader = await openReader(server, `${logs}?timestamps=true`);
    server.source.push([toLine(7)]);
    const [, event] = await reader.until(2);
    expect(JSON.parse(event?.data ?? '')).toEqual({
      line: 'line 7',
      stream: 'stdout',
      time: '2026-02-08T10:15:30.000000007Z',
    });
  });

  test.each([
    ['', {}, {}],
    ['?tail=all', {}, { tail: 'all' }],
    [
      '?tail=0&since=10m&timestamps=false&follow=false',
      {},
      { tail: 0, since: '10m', follow: false },
    ],
    ['?tail=5&timestamps=1&follow=0', {}, { tail: 5, follow: false }], // as Docker's own API spells them
    ['?since=1770545730', {}, { since: '1770545730' }],
    ['?lastEventId=1.2', {}, { after: '1.2' }],
    ['?lastEventId=1.2', { 'last-event-id': '3.4' }, { after: '3.4' }],
    ['?lastEventId=1.2', { 'last-event-id': '' }, { after: '1.2' }],
  ])('reads %s with %j', async (query, headers, expected) => {
    await using server = await startLogServer();
    using _reader = await openReader(server, `${logs}${query}`, { headers });
    expect(server.asked).toEqual([{ name: 'nginx', options: expected }]);
  });

  test.each([
    ['tail=-1', 'tail'],
    ['tail=1e3', 'tail'],
    ['tail=', 'tail'],
    ['tail=ALL', 'tail'],
    ['tail=1&tail=2', 'tail'],
    ['timestamps=2', 'timestamps'],
    ['timestamps=TRUE', 'timestamps'],
    ['timestamps', 'timestamps'],
    ['follow=no', 'follow'],
    ['since=yesterday', 'since'],
    ['since=10m&since=5m', 'since'],
    [`lastEventId=${'1'.repeat(129)}`, 'lastEventId'],
    ['lastEventId=1&lastEventId=2', 'lastEventId'],
    ['lines=5', 'lines'],
    ['name=other', 'name'],
    ['constructor=1', 'constructor'],
  ])('refuses ?%s', async (query, path) => {
    await using server = await startLogServer();
    const { details } = await expectApiError(
      await server.ask(`${logs}?${query}`, { as: 'read' }),
      'BAD_REQUEST',
    );
    expect(details.issues?.map((issue) => issue.path)).toEqual([path]);
    expect(server.asked).toEqual([]);
  });

  test('refuses what may not be a name', async () => {
    await using server = await startLogServer();
    for (const name of ['-f', '.hidden', 'a%20b', 'a%2Fb'])
      await expectApiError(
        await server.ask(`/containers/${name}/logs/stream`, { as: 'read' }),
        'BAD_REQUEST',
      );
  });

  test('that cannot be opened is an ordinary error', async () => {
    await using server = await startLogServer();
    await expectApiError(
      await server.ask('/containers/ngnix/logs/stream', { as: 'read' }),
      'NOT_FOUND',
    );
    await expectApiError(await server.ask(logs), 'UNAUTHORIZED');
  });

  test('that fails on the way says how, and ends', async () => {
    await using server = await startLogServer();
    using reader = await openReader(server, logs);
    server.source.push([toLine(1)]);
    server.source.fail(new AppError('NOT_FOUND', 'It was removed', { details: { name: 'nginx' } }));
    await reader.ended();
    const failure = reader.events().at(-1);
    expect(reader.events()).toHaveLength(3);
    expect(failure?.event).toBe('failure');
    expect(JSON.parse(failure?.data ?? '')).toEqual({
      error: 'Container not found',
      code: 'NOT_FOUND',
      message: 'It was removed',
      details: { name: 'nginx', requestId: reader.headers['x-request-id'] },
    });
  });

  test('that fails for a reason of ours tells nothing of it', async () => {
    await using server = await startLogServer();
    using reader = await openReader(server, logs);
    server.source.fail(new Error('secret'));
    expect(await reader.ended()).not.toContain('secret');
    expect(JSON.parse(reader.events().at(-1)?.data ?? '')).toMatchObject({
      code: 'INTERNAL_ERROR',
    });
  });
});

describe('bare text', () => {
  const headers = { accept: 'text/plain' };

  test('is the lines, open before the first', async () => {
    await using server = await startLogServer();
    using reader = await openReader(server, logs, { headers });
    expect(reader.headers).toMatchObject({
      'content-type': 'text/plain; charset=utf-8',
      'transfer-encoding': 'chunked',
    });
    server.source.push([toLine(1), toLine(2, 'ü')]);
    server.source.end();
    expect(await reader.ended()).toBe('line 1\nü\n');
  });

  test('has the time before each line where that was asked for', async () => {
    await using server = await startLogServer();
    using reader = await openReader(server, `${logs}?timestamps=true`, { headers });
    server.source.push([toLine(1)]);
    server.source.end();
    expect(await reader.ended()).toMatch(/^\d{4}-\d\d-\d\dT\S+Z line 1\n$/);
  });

  test('is not what a reader of events gets that could take text too', async () => {
    await using server = await startLogServer();
    for (const accept of ['text/event-stream, text/plain', '*/*', 'application/json']) {
      using reader = await openReader(server, logs, { headers: { accept } });
      expect(reader.headers['content-type']).toMatch(/^text\/event-stream/);
    }
  });

  test('that fails on the way is cut off, so that it does not look complete', async () => {
    await using server = await startLogServer();
    using reader = await openReader(server, logs, { headers });
    server.source.push([toLine(1)]);
    await vi.waitFor(() => expect(reader.text()).toBe('line 1\n'));
    server.source.fail(new AppError('NOT_FOUND', 'It was removed'));
    await expect(reader.ended()).rejects.toThrow('the stream is cut');
  });

  test("of a job's output is its pieces as they are", async () => {
    const source: Source<PlacedOutput> = createSource();
    await using server = await startTestServer({ jobs: { output: async () => source } });
    using reader = await openReader(server, '/jobs/j-1/output', { headers });
    source.push({ text: 'one\ntwo\n', position: '8' }, { text: 'three', position: '13' });
    source.end();
    expect(await reader.ended()).toBe('one\ntwo\nthree');
  });
});

test("a job's output is resumed from an offset", async () => {
  const source: Source<PlacedOutput> = createSource();
  const asked: unknown[] = [];
  const output: ServiceOverrides['jobs'] = {
    output: async (id, { after } = {}) => {
      asked.push({ id, after });
      return source;
    },
  };
  await using server = await startTestServer({ jobs: output });
  using reader = await openReader(server, '/jobs/j-1/output?lastEventId=8');
  source.push({ text: 'three\n', position: '14' });
  source.end();
  await reader.ended();
  expect(asked).toEqual([{ id: 'j-1', after: '8' }]);
  expect(reader.events().slice(1)).toEqual([
    { id: '14', data: '{"text":"three\\n"}' },
    { event: 'end', data: '{}' },
  ]);
});

test('events have their type as a name', async () => {
  const source: Source<PlacedEvent> = createSource();
  await using server = await startTestServer({ events: { watch: async () => source } });
  using reader = await openReader(server, '/events', { headers: { accept: 'text/plain' } });
  const time = '2026-02-08T10:15:30.000Z';
  source.push(
    {
      event: { type: 'vm', time, lifecycleState: 'RUNNING', previous: 'STARTING' },
      position: 'a-1',
    },
    { event: { type: 'resync', time, reason: 'why' }, position: 'a-2' },
  );
  const [, vm, resync] = await reader.until(3);
  expect(reader.headers['content-type']).toMatch(/^text\/event-stream/); // it has no other form
  expect(vm).toMatchObject({ event: 'vm', id: 'a-1' });
  expect(resync).toMatchObject({ event: 'resync', id: 'a-2' });
  expect(JSON.parse(vm?.data ?? '')).toMatchObject({ type: 'vm', lifecycleState: 'RUNNING' });
});

describe('a reader', () => {
  test('who leaves is noticed at once, also while nothing comes', async () => {
    await using server = await startLogServer();
    const reader = await openReader(server, logs);
    expect(server.isAborted()).toBe(false);
    reader.leave();
    await vi.waitFor(() => expect(server.source.isLeft).toBe(true), { timeout: 1000 });
    expect(server.isAborted()).toBe(true);
  });

  test.each([logs, tRpcLogs])(
    'who reads %s slowly is not read for: what is asked for fits on the way',
    async (path) => {
      await using server = await startLogServer();
      using reader = await openReader(server, path);
      await reader.until(1);
      reader.pause();
      const batch = Array.from({ length: 100 }, (_, number) => toLine(number, 'x'.repeat(1000)));
      for (let count = 0; count < 500; count += 1) server.source.push(batch); // 50 MB
      const seen = await askedWhenStill(server.source);
      expect(seen).toBeLessThan(200); // of 500; the sockets of the loopback take some megabytes
      reader.resume();
      server.source.end();
      expect((await reader.ended()).length).toBeGreaterThan(50_000_000);
    },
    20_000,
  );

  test('who asks with HEAD gets the headers, and the source is left', async () => {
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
    expiresAt: new Date(Date.now() + ms).toISOString(),
  });

  test('with its token: without failure, and without an end', async () => {
    await using server = await startLogServer({ authenticate: expiringIn(300) });
    using reader = await openReader(server, logs);
    server.source.push([toLine(1)]);
    await reader.ended();
    expect(reader.events().at(-1)).toEqual({ retry: '1000' });
    expect(server.isAborted()).toBe(true);
    expect(server.source.isLeft).toBe(true);
  });

  test('with its token as bare text: cut off', async () => {
    await using server = await startLogServer({ authenticate: expiringIn(300) });
    using reader = await openReader(server, logs, { headers: { accept: 'text/plain' } });
    await expect(reader.ended()).rejects.toThrow('the stream is cut');
  });

  test.each([
    ['REST', logs, { retry: '1000' }],
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
        scopeNames: { read: 'read', admin: 'admin' },
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
        await vi.waitFor(() => {
          vi.advanceTimersByTime(5000);
          expect(issuer.count('/introspect')).toBeGreaterThan(before);
        }, 5000);
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
    expect(reader.events()).toEqual([{ comment: 'connected', retry: '2000' }, { retry: '1000' }]);
    expect(server.source.isLeft).toBe(true);
  });
});

test('a reader whose connection would be kept does not hold the end of the process up', async () => {
  const server = await startLogServer();
  const agent = new Agent({ keepAlive: true });
  using reader = await openReader(server, logs, { agent });
  await reader.until(1);
  const startedAt = performance.now();
  await server[Symbol.asyncDispose]();
  expect(performance.now() - startedAt).toBeLessThan(2000);
  agent.destroy();
}, 10_000);

test('a reader who takes nothing does not hold the end of the process up', async () => {
  const server = await startLogServer();
  using reader = await openReader(server, logs);
  await reader.until(1);
  reader.pause();
  const batch = Array.from({ length: 100 }, (_, number) => toLine(number, 'x'.repeat(1000)));
  for (let count = 0; count < 500; count += 1) server.source.push(batch); // more than fits on the way
  await askedWhenStill(server.source);
  const startedAt = performance.now();
  await server[Symbol.asyncDispose]();
  expect(performance.now() - startedAt).toBeLessThan(4000);
}, 10_000);

describe('of all streams of a process', () => {
  test('only so many are open at once, over both transports together', async () => {
    await using server = await startLogServer({ maxStreams: 2 });
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
    await vi.waitFor(async () => {
      using third = await openReader(server, logs);
      expect(third.status).toBe(200);
    });
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
