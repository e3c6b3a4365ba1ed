import { AppError } from '@ondemand/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { askRaw } from '../testing/raw-request.test-support.ts';
import {
  expectApiError,
  nginx,
  readJson,
  startTestServer,
  type TestServer,
} from '../testing/test-server.test-support.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server[Symbol.asyncDispose]());

const json = { 'content-type': 'application/json' };
const form = { 'content-type': 'application/x-www-form-urlencoded' };

describe('a POST needs no body', () => {
  const bodies: [string, RequestInit][] = [
    ['no body and no content type', {}],
    ['a JSON content type and nothing', { headers: json }],
    ['an empty JSON body', { headers: json, body: '' }],
    ['{}', { headers: json, body: '{}' }],
    ['null', { headers: json, body: 'null' }],
    [
      '{} with a charset',
      { headers: { 'content-type': 'application/json; charset=utf-8' }, body: '{}' },
    ],
    ['a form content type and nothing', { headers: form, body: '' }],
    ['white space', { headers: json, body: ' \r\n\t' }],
    ['a malformed content type and nothing', { headers: { 'content-type': 'nonsense' } }],
  ];
  for (const path of ['/vm/start', '/containers/nginx/restart']) {
    test.each(bodies)(`${path} takes %s`, async (_, init) => {
      const response = await server.ask(path, { as: 'admin', method: 'POST', ...init });
      expect(response.status).toBe(200);
    });

    test.each([[], ['content-length: 0'], ['content-length: 00']])(
      `${path} takes an empty content type and nothing %s`,
      async (...length) => {
        const lines = [`POST ${path} HTTP/1.1`, 'host: x', 'authorization: Bearer admin'];
        const response = await askRaw(server, [...lines, 'content-type:', ...length]);
        expect(response.status).toBe(200);
      },
    );
  }
});

describe('bodies that are refused change nothing', () => {
  test.each([
    ['malformed JSON', '{bad', json, 'BAD_REQUEST'],
    ['a list', '[1]', json, 'BAD_REQUEST'],
    ['a string', '"x"', json, 'BAD_REQUEST'],
    ['an unknown key', '{"force":true}', json, 'BAD_REQUEST'],
    ['a prototype', '{"__proto__":{}}', json, 'BAD_REQUEST'],
    ['a form with content', 'a=b', form, 'UNSUPPORTED_MEDIA_TYPE'],
    ['text', 'x', { 'content-type': 'text/plain' }, 'UNSUPPORTED_MEDIA_TYPE'],
    ['JSON without a content type', '{}', { 'content-type': '' }, 'UNSUPPORTED_MEDIA_TYPE'],
    ['a huge one', `"${'x'.repeat(100_000)}"`, json, 'PAYLOAD_TOO_LARGE'],
  ] as const)('%s', async (_, body, headers, code) => {
    const before = server.actions.length;
    for (const path of ['/vm/stop', '/containers/nginx/stop'])
      await expectApiError(
        await server.ask(path, { as: 'admin', method: 'POST', headers, body }),
        code,
      );
    expect(server.actions.length).toBe(before);
  });
});

describe('container names', () => {
  test.each([
    '..',
    '.',
    '%2e%2e',
    'a%2Fb',
    'a%2fb',
    '%00',
    ';reboot',
    '%3Breboot',
    'x'.repeat(256),
    'x'.repeat(300),
    '%C3%A9',
    '-x',
    '_x',
    '%20',
    'a%20b',
    '$(id)',
    '%24%28id%29',
    'a%0Ab',
    '%252e',
    'a%25',
  ])('%s is no name', async (name) => {
    const before = server.actions.length;
    const status = await expectApiError(await rawGet(`/containers/${name}/status`), 'BAD_REQUEST');
    expect(status.details.issues).not.toEqual([]);
    await expectApiError(await rawGet(`/containers/${name}/stop`, 'POST'), 'BAD_REQUEST');
    expect(server.actions.length).toBe(before);
  });

  test('an unreadable escape is a bad request, after authentication', async () => {
    await expectApiError(await rawGet('/containers/%zz/status'), 'BAD_REQUEST');
    await expectApiError(await server.ask('/containers/%zz/status'), 'UNAUTHORIZED');
  });

  test('escapes that stand for valid characters are decoded', async () => {
    const response = await server.ask('/containers/ng%69nx/status', { as: 'read' });
    expect(await response.json()).toEqual(nginx);
  });

  test('255 characters reach the service', async () => {
    const body = await expectApiError(
      await server.ask(`/containers/${'x'.repeat(255)}/status`, { as: 'read' }),
      'NOT_FOUND',
    );
    expect(body.details.name).toHaveLength(255);
  });

  /** fetch would resolve dot segments; a raw request does not. */
  async function rawGet(path: string, method = 'GET'): Promise<Response> {
    const { request } = await import('node:http');
    return new Promise((resolve, reject) => {
      const { hostname, port } = new URL(server.url);
      request({ hostname, port, path, method, headers: { authorization: 'Bearer admin' } })
        .on('response', async (answer) => {
          const chunks = await answer.toArray();
          const headers = Object.entries(answer.headers).map(
            ([name, value]) => [name, String(value)] as [string, string],
          );
          resolve(new Response(Buffer.concat(chunks), { status: answer.statusCode ?? 0, headers }));
        })
        .on('error', reject)
        .end();
    });
  }
});

describe('lines', () => {
  test.each([
    '0',
    '-1',
    '1e3',
    '0x10',
    '1.5',
    '',
    '%205',
    '5%20',
    '+5',
    '10001',
    '99999999999999999999',
    'NaN',
    'Infinity',
    '5&lines=6',
    '%D9%A3',
    'true',
  ])('lines=%s is refused', async (lines) => {
    const body = await expectApiError(
      await server.ask(`/containers/nginx/logs?lines=${lines}`, { as: 'read' }),
      'BAD_REQUEST',
    );
    expect(body.details.issues?.[0]?.path).toBe('lines');
  });

  test.each([
    ['?lines=1', 1],
    ['?lines=10000', 10_000],
    ['?lines=007', 7],
    ['', 100],
  ])('%s asks for %d', async (query, lines) => {
    const response = await server.ask(`/containers/nginx/logs${query}`, { as: 'read' });
    expect(await response.json()).toEqual({ container: 'nginx', lines, logs: 'one\ntwo\n' });
  });

  test('a number in REST does not make tRPC take a string (the adapter switches shared schemas to coercion)', async () => {
    await server.ask('/containers/nginx/logs?lines=5', { as: 'read' });
    const input = encodeURIComponent(JSON.stringify({ name: 'nginx', lines: '5' }));
    const response = await server.ask(`/trpc/containers.logs?input=${input}`, { as: 'read' });
    expect(response.status).toBe(400);
  });
});

test('logs come bare to who accepts text alone', async () => {
  const ask = (accept: string) =>
    server.ask('/containers/nginx/logs', { as: 'read', headers: { accept } });
  const text = await ask('text/plain');
  expect(text.headers.get('content-type')).toBe('text/plain; charset=utf-8');
  expect(await text.text()).toBe('one\ntwo\n');
  for (const accept of ['*/*', 'application/json', 'application/json, text/plain'])
    expect((await ask(accept)).headers.get('content-type')).toBe('application/json; charset=utf-8');
});

describe('wrong methods and unknown paths', () => {
  test.each([
    ['DELETE', '/vm/status', 'GET, HEAD'],
    ['GET', '/vm/start', 'POST'],
    ['PUT', '/containers/nginx/start', 'POST'],
    ['POST', '/containers', 'GET, HEAD'],
    ['OPTIONS', '/vm/status', 'GET, HEAD'],
  ])('%s %s is not allowed', async (method, path, allow) => {
    const response = await server.ask(path, { as: 'admin', method });
    await expectApiError(response, 'METHOD_NOT_ALLOWED');
    expect(response.headers.get('allow')).toBe(allow);
  });

  test.each(['/nope', '/vm', '/vm/status/', '/containers/nginx', '/VM/status', '/docs/nope'])(
    '%s is not there, and without a token not even that is told',
    async (path) => {
      await expectApiError(await server.ask(path, { as: 'read' }), 'NOT_FOUND');
      await expectApiError(await server.ask(path), 'UNAUTHORIZED');
    },
  );
});

describe('authentication comes first', () => {
  test.each([
    ['GET', '/containers/;/status'],
    ['GET', '/containers/nginx/logs?lines=0'],
    ['POST', '/vm/start'],
    ['DELETE', '/vm/status'],
  ])('%s %s without a token', async (method, path) => {
    await expectApiError(await server.ask(path, { method }), 'UNAUTHORIZED');
  });

  test('a read token learns nothing of an admin operation, not even that its body is malformed', async () => {
    const before = server.actions.length;
    for (const path of ['/vm/reset', '/containers/nope/stop', '/containers/;/stop']) {
      const response = await server.ask(path, {
        as: 'read',
        method: 'POST',
        headers: json,
        body: '{bad',
      });
      await expectApiError(response, 'FORBIDDEN');
      expect(response.headers.get('www-authenticate')).toContain('error="insufficient_scope"');
    }
    expect(server.actions.length).toBe(before);
  });

  test.each([
    ['/healthz', 200],
    ['/readyz', 200],
    ['/openapi.json', 200],
    ['/openapi.yaml', 200],
    ['/docs', 200],
    ['/', 302],
    ['/.well-known/oauth-protected-resource', 200],
  ])('%s needs no token', async (path, status) => {
    expect((await server.ask(path)).status).toBe(status);
  });
});

test('whoami tells no more of a token than the contract says', async () => {
  const whoami = {
    sub: 'a',
    clientId: 'test',
    scopes: ['read' as const],
    expiresAt: '2030-01-01T00:00:00.000Z',
  };
  const authenticate = async () => ({ ...whoami, isRevocable: true as const });
  await using server = await startTestServer({}, { authenticate });
  expect(await readJson(await server.ask('/whoami'))).toEqual(whoami);
  expect(await readJson(await server.ask('/trpc/whoami'))).toEqual({ result: { data: whoami } });
});

test('what is not ours to tell stays inside', async () => {
  const secret = '/home/opc/.ssh/id_ed25519 refused eyJhbGciOi';
  await using broken = await startTestServer({
    containers: {
      list: async () => {
        throw new TypeError(secret);
      },
    },
  });
  const body = await expectApiError(
    await broken.ask('/containers', { as: 'read' }),
    'INTERNAL_ERROR',
  );
  expect(JSON.stringify(body)).not.toContain('opc');
});

test("an AppError's details reach the caller, and Retry-After with them", async () => {
  await using throttled = await startTestServer({
    vm: {
      status: async () => {
        throw new AppError('SERVICE_UNAVAILABLE', 'OCI asks to wait', {
          details: { retryAfterSeconds: 2.5 },
          cause: new Error('raw'),
        });
      },
    },
  });
  const response = await throttled.ask('/vm/status', { as: 'read' });
  expect(response.headers.get('retry-after')).toBe('3');
  expect((await expectApiError(response, 'SERVICE_UNAVAILABLE')).message).toBe('OCI asks to wait');
});

test("a caller's request id is kept when it is harmless, else replaced", async () => {
  const ask = async (id: string) =>
    (await server.ask('/healthz', { headers: { 'x-request-id': id } })).headers.get('x-request-id');
  expect(await ask('trace-1')).toBe('trace-1');
  expect(await ask('a b"c')).toMatch(/^[0-9a-f-]{36}$/);
});

describe('POST /vm/stop', () => {
  const stop = async (body?: string, headers = { 'content-type': 'application/json' }) => {
    await using own = await startTestServer();
    const response = await own.ask('/vm/stop', {
      as: 'admin',
      method: 'POST',
      ...(body !== undefined && { body, headers }),
    });
    return { status: response.status, actions: own.actions };
  };

  test.each([
    [undefined, 'STOP'],
    ['{}', 'STOP'],
    ['{"soft":false}', 'STOP'],
    ['{"soft":true}', 'SOFTSTOP'],
  ])('with the body %s sends %s', async (body, action) => {
    expect(await stop(body)).toEqual({ status: 200, actions: [action] });
  });

  test.each(['{"soft":"true"}', '{"soft":1}', '{"hard":true}', '[]', 'null!'])(
    'refuses the body %s, and nothing is sent',
    async (body) => {
      expect(await stop(body)).toEqual({ status: 400, actions: [] });
    },
  );
});
