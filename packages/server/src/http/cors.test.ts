import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readJson, startTestServer, type TestServer } from '../testing/test-server.test-support.ts';
import { toSecurityHeaders } from './security-headers.ts';

const origin = 'https://app.example.com';
const allowOrigin = 'access-control-allow-origin';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer(
    {},
    { corsOrigins: [origin, 'http://localhost:5173'], rateLimitPerMinute: 0 },
  );
});
afterAll(() => server[Symbol.asyncDispose]());

const corsHeaders = ({ headers }: Response) =>
  [...headers.keys()].filter((name) => name.startsWith('access-control-'));

const variesBy = ({ headers }: Response) =>
  (headers.get('vary') ?? '').split(',').map((name) => name.trim().toLowerCase());

describe('a preflight', () => {
  const preflight = (from: string, path = '/vm/start') =>
    server.ask(path, {
      method: 'OPTIONS',
      headers: {
        origin: from,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,content-type',
      },
    });

  test('of a configured origin needs no token', async () => {
    for (const path of ['/vm/start', '/trpc/vm.start', '/containers/nginx/logs/stream', '/nope']) {
      const response = await preflight(origin, path);
      expect(response.status).toBe(204);
      expect(await response.text()).toBe('');
      expect(response.headers.get(allowOrigin)).toBe(origin);
      expect(response.headers.get('access-control-allow-methods')).toBe('GET, HEAD, POST, DELETE');
      expect(response.headers.get('access-control-allow-headers')?.split(', ')).toEqual([
        'authorization',
        'cache-control',
        'content-type',
        'last-event-id',
        'prefer',
        'traceparent',
        'tracestate',
        'trpc-accept',
        'x-request-id',
        'x-requested-with',
      ]);
      expect(Number(response.headers.get('access-control-max-age'))).toBeGreaterThan(0);
      expect(response.headers.has('access-control-allow-credentials')).toBe(false);
      expect(variesBy(response)).toContain('origin');
    }
  });

  test.each([
    'https://evil.example.com',
    'https://app.example.com.evil.example',
    'https://app.example.com:8443',
    'http://app.example.com',
    'https://APP.example.com',
    'https://app.example.com/',
    'null',
    '*',
  ])('of %s gets the answer that it would get anyway', async (foreign) => {
    const response = await preflight(foreign);
    expect(response.status).toBe(401);
    expect(corsHeaders(response)).toEqual([]);
    expect(variesBy(response)).toContain('origin');
  });

  test('is not every OPTIONS: others need a token and are not allowed', async () => {
    expect((await server.ask('/vm/status', { method: 'OPTIONS' })).status).toBe(401);
    for (const headers of [{}, { origin }]) {
      const response = await server.ask('/vm/status', { as: 'read', method: 'OPTIONS', headers });
      expect(response.status).toBe(405);
    }
  });
});

/** What a page may read anyway, or has no use for. https://fetch.spec.whatwg.org/#cors-safelisted-response-header-name */
const unexposed = new Set([
  ...['cache-control', 'content-length', 'content-type', 'expires', 'last-modified'],
  ...['connection', 'date', 'keep-alive', 'transfer-encoding', 'vary', 'x-accel-buffering'],
  ...['access-control-allow-origin', 'access-control-expose-headers'],
  ...['etag', 'accept-ranges'], // of the page's own files
  ...Object.keys(toSecurityHeaders({ publicUrl: 'https://x' })),
]);

describe('a page of a configured origin can read', () => {
  test.each([
    ['an answer', '/vm/status', 'read', 200],
    ['a tRPC answer', '/trpc/vm.status', 'read', 200],
    ['health', '/healthz', undefined, 200],
    ['the document', '/openapi.json', undefined, 200],
    ['a 401', '/vm/status', undefined, 401],
    ['a tRPC 401', '/trpc/vm.status', undefined, 401],
    ['a 404', '/nope', 'read', 404],
    ['a 400', '/containers/;/status', 'read', 400],
    ['a 400 for a bad URL', '/containers/%zz/status', 'read', 400],
    ['a 405', '/vm/start', 'read', 405],
    ['a stream', '/containers/nginx/logs/stream', 'read', 200],
    ['a redirect', '/', undefined, 302],
  ] as const)('%s', async (_, path, as, status) => {
    const response = await server.ask(path, {
      headers: { origin },
      redirect: 'manual',
      ...(as && { as }),
    });
    expect(response.status).toBe(status);
    expect(response.headers.get(allowOrigin)).toBe(origin);
    const exposed = response.headers.get('access-control-expose-headers')?.split(', ') ?? [];
    expect([...response.headers.keys()].filter((name) => !unexposed.has(name))).toSatisfy(
      (sent: string[]) => sent.every((name) => exposed.includes(name)),
    );
    expect(exposed).toContain('x-request-id');
    expect(response.headers.has('access-control-allow-credentials')).toBe(false);
    expect(variesBy(response)).toContain('origin');
  });

  test('a 403 and a 429', async () => {
    await using limited = await startTestServer(
      {},
      { corsOrigins: [origin], rateLimitPerMinute: 1 },
    );
    for (const status of [403, 429]) {
      const response = await limited.ask('/vm/stop', {
        as: 'read',
        method: 'POST',
        headers: { origin },
      });
      expect(response.status).toBe(status);
      expect(response.headers.get(allowOrigin)).toBe(origin);
    }
  });
});

test('a foreign page gets no CORS header, and caches are told that another would', async () => {
  for (const headers of [{ origin: 'https://evil.example.com' }, {}]) {
    const response = await server.ask('/vm/status', { as: 'read', headers });
    expect(response.status).toBe(200);
    expect(corsHeaders(response)).toEqual([]);
    expect(variesBy(response)).toContain('origin');
  }
});

test('what else an answer varies by is kept', async () => {
  const logs = await server.ask('/containers/nginx/logs', { as: 'read' });
  expect(variesBy(logs)).toEqual(['accept', 'origin']);
  expect(variesBy(await server.ask('/trpc/vm.status', { as: 'read' }))).toContain('trpc-accept');
});

test('without configured origins nobody gets any of it', async () => {
  await using closed = await startTestServer();
  for (const path of ['/vm/status', '/healthz']) {
    const response = await closed.ask(path, { as: 'read', headers: { origin } });
    expect(corsHeaders(response)).toEqual([]);
    expect(variesBy(response)).not.toContain('origin');
  }
});

describe('security headers', () => {
  test.each(['/vm/status', '/trpc/vm.status', '/nope', '/containers/%zz/status', '/healthz'])(
    'are on %s',
    async (path) => {
      const { headers } = await server.ask(path, { as: 'read' });
      expect(Object.fromEntries(headers)).toMatchObject({
        'x-content-type-options': 'nosniff',
        'cache-control': 'no-store',
        'referrer-policy': 'no-referrer',
        'x-frame-options': 'DENY',
        'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
        'cross-origin-resource-policy': 'same-origin',
      });
      expect(headers.has('strict-transport-security')).toBe(false);
    },
  );

  test('let the interactive page work, in no frame', async () => {
    const { headers } = await server.ask('/docs');
    expect(headers.get('content-security-policy')).toMatch(
      /^default-src 'self';.* frame-ancestors 'none'$/,
    );
    for (const path of ['/docs/static/swagger-ui.css', '/docs/static/swagger-ui-bundle.js']) {
      const asset = await server.ask(path);
      expect(asset.status).toBe(200);
      expect(await asset.text()).toMatch(/swagger/i);
    }
  });

  test('ask for HTTPS for good where the public URL has it', async () => {
    await using secure = await startTestServer({}, { publicUrl: 'https://ondemand.example.com' });
    const { headers } = await secure.ask('/healthz');
    expect(headers.get('strict-transport-security')).toBe('max-age=31536000');
    expect(await readJson(await secure.ask('/healthz'))).toEqual({ status: 'ok' });
  });
});
