// The variables that guard the API's front: rate limit, browsers' origins, the proxy before it.

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createClient, isApiError } from '@ondemand/client';
import { findFreePort } from '@ondemand/sandbox';
import { expect, test as inOrder } from 'vitest';
import { expectApiError } from '../support/expect-api-error.ts';
import { startServer } from '../support/start-api-process.ts';
import { createCaller, startAppHere } from '../support/start-sandbox-and-api.ts';
import { until } from '../support/until.ts';

/** Each test has a world of its own, in which it mostly waits. */
const test = inOrder.concurrent;

test('RATE_LIMIT_PER_MINUTE holds for a subject on both transports, and is told to the typed client', async () => {
  await using app = await startAppHere({ env: { RATE_LIMIT_PER_MINUTE: '4' } });
  const client = createClient({ url: app.url, token: app.tokens.read });
  await client.whoami.query();
  await app.getJson('/whoami');
  await Promise.all([client.vm.status.query(), client.whoami.query()]);
  const failure = await client.whoami.query().then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(isApiError(failure, 'TOO_MANY_REQUESTS')).toBe(true);
  const { details } = await expectApiError(await app.get('/vm/status'), 'TOO_MANY_REQUESTS');
  expect(details.retryAfterSeconds).toBeLessThanOrEqual(60);
});

const hasRedis = spawnSync('redis-server', ['--version']).status === 0;
inOrder
  .skipIf(!hasRedis)
  .concurrent(
    `RATE_LIMIT_REDIS_URL makes two processes count together, and each for itself while Redis is away${hasRedis ? '' : ': there is no redis-server'}`,
    async () => {
      const port = String(await findFreePort());
      const redis = spawn('redis-server', ['--bind', '127.0.0.1', '--port', port, '--save', '']);
      await using _ = { [Symbol.asyncDispose]: async () => void redis.kill('SIGKILL') };
      await once(redis.stdout, 'data'); // its first line; it listens long before an API does
      const url = `redis://127.0.0.1:${port}`;
      const env = { RATE_LIMIT_PER_MINUTE: '4', RATE_LIMIT_REDIS_URL: url };
      await using app = await startAppHere({ env });
      await using second = await startServer({ ...app.sandbox.env, ...env });
      const other = createCaller(second.url, app.tokens);
      for (const { getJson } of [app, other, app, other]) await getJson('/whoami');
      for (const { get } of [app, other])
        await expectApiError(await get('/whoami'), 'TOO_MANY_REQUESTS');
      redis.kill('SIGKILL');
      await once(redis, 'close');
      for (const { getJson } of [app, other]) await getJson('/whoami');
      const warned = await until('a warning in the log', () =>
        app.server.logs().find(({ redis: told }) => told !== undefined),
      );
      expect(warned.msg).toMatch(/RATE_LIMIT_REDIS_URL cannot be used/);
    },
  );

test('an address that tries tokens is refused after a tenth of it, and a valid token from there is not', async () => {
  await using app = await startAppHere({ env: { RATE_LIMIT_PER_MINUTE: '50' } });
  const guess = (token: string) => app.get('/vm/status', { token });
  for (const token of ['a', 'b', 'eyJhbGciOiJub25lIn0.e30.', `${app.tokens.admin}x`, 'none', 'c'])
    await expectApiError(await guess(token), 'UNAUTHORIZED');
  for (const token of ['d', `${app.tokens.admin}x`])
    await expectApiError(await guess(token), 'TOO_MANY_REQUESTS');
  await expectApiError(await guess('none'), 'UNAUTHORIZED'); // no attempt, so that a client still learns what is wanted
  expect((await app.get('/vm/status')).status).toBe(200);
  expect((await app.get('/healthz', { token: 'none' })).status).toBe(200);
});

test('X-Forwarded-For is believed with TRUST_PROXY alone: in the limit, the log and the audit', async () => {
  for (const [trust, seen] of [
    [undefined, '127.0.0.1'],
    ['127.0.0.1', '192.0.2.7'],
  ] as const) {
    await using app = await startAppHere({
      env: { RATE_LIMIT_PER_MINUTE: '10', TRUST_PROXY: trust },
    });
    const from = (address: string) => ({ headers: { 'x-forwarded-for': address } });
    await (await app.post('/containers/nginx/restart', from('192.0.2.7'))).text();
    const audited = await until('its line in the audit', () =>
      app.server.logs().find(({ audit }) => audit !== undefined),
    );
    expect(audited.audit).toMatchObject({ ip: seen });
    const logged = await until('its line in the log', () =>
      app.server.logs().find(({ operation }) => operation === 'containers_restart'),
    );
    expect(logged.ip).toBe(seen);

    const guess = (address: string) => app.get('/vm/status', { token: 'guess', ...from(address) });
    expect((await guess('192.0.2.1')).status).toBe(401);
    expect((await guess('192.0.2.1')).status).toBe(429);
    expect((await guess('192.0.2.2')).status).toBe(trust === undefined ? 429 : 401);
  }
});

test('CORS_ORIGINS lets the pages that it names call the API, from preflight to error', async () => {
  const origin = 'https://app.example.com';
  await using app = await startAppHere({
    env: { CORS_ORIGINS: `http://localhost:5173,${origin}/` },
  });
  const preflight = (from: string) =>
    app.request('OPTIONS', '/containers/nginx/restart', {
      token: 'none',
      headers: {
        origin: from,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization, last-event-id',
      },
    });
  const allowed = await preflight(origin);
  expect(allowed.status).toBe(204);
  expect(allowed.headers.get('access-control-allow-headers')).toMatch(/authorization/);
  expect(allowed.headers.get('access-control-allow-headers')).toMatch(/last-event-id/);
  await expectApiError(await preflight('https://evil.example.com'), 'UNAUTHORIZED');

  const ok = await app.post('/containers/nginx/restart', { headers: { origin } });
  expect(ok.status).toBe(200);
  const missing = await app.get('/containers/nope/status', { headers: { origin } });
  const anonymous = await app.get('/vm/status', { token: 'none', headers: { origin } });
  await expectApiError(missing.clone(), 'NOT_FOUND');
  await expectApiError(anonymous.clone(), 'UNAUTHORIZED');
  for (const { headers } of [allowed, ok, missing, anonymous]) {
    expect(headers.get('access-control-allow-origin')).toBe(origin);
    expect(headers.get('vary')).toMatch(/\borigin\b/i);
    expect(headers.has('access-control-allow-credentials')).toBe(false);
  }
});
