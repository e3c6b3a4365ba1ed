import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { askRaw } from '../testing/raw-request.test-support.ts';
import {
  expectApiError,
  startTestServer,
  type TestServer,
} from '../testing/test-server.test-support.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server[Symbol.asyncDispose]());

const json = { 'content-type': 'application/json' };

describe('a body does not change what there is', () => {
  const bodies: [string, RequestInit][] = [
    ['none', {}],
    ['an empty one', { headers: json, body: '' }],
    ['a malformed one', { headers: json, body: '{bad' }],
    ['a large one', { headers: json, body: `"${'x'.repeat(100_000)}"` }],
    ['one of another type', { headers: { 'content-type': 'text/plain' }, body: 'x' }],
  ];
  describe.each(bodies)('%s', (_, init) => {
    test.each([
      ['POST', '/vm/status', 'GET, HEAD'],
      ['DELETE', '/vm/status', 'GET, HEAD'],
      ['QUERY', '/vm/status', 'GET, HEAD'],
      ['PUT', '/containers/nginx/start', 'POST'],
      ['POST', '/events', 'GET, HEAD'],
      ['POST', '/docs/static/index.css', 'GET, HEAD'],
    ])('%s %s is not allowed', async (method, path, allow) => {
      const response = await server.ask(path, { as: 'admin', method, ...init });
      await expectApiError(response, 'METHOD_NOT_ALLOWED');
      expect(response.headers.get('allow')).toBe(allow);
      await expectApiError(await server.ask(path, { method, ...init }), 'UNAUTHORIZED');
    });

    test.each(['POST', 'DELETE', 'QUERY'])(
      '%s of an unknown path finds nothing',
      async (method) => {
        const ask = (as?: 'read') => server.ask('/nope', { ...(as && { as }), method, ...init });
        await expectApiError(await ask('read'), 'NOT_FOUND');
        await expectApiError(await ask(), 'UNAUTHORIZED');
      },
    );
  });
});

test.each([
  ['/%76m/status', 405],
  ['/vm/%73tatu%73?x=1', 405],
  ['/containers/nginx/l%6Fgs', 405],
  ['/vm/status#x', 405],
  ['/vm%2Fstatus', 404],
  ['/%2576m/status', 404],
])('a path is the same however it is spelt, with every method: DELETE %s', async (path, status) => {
  const ask = async (method: string) => {
    const head = [`${method} ${path} HTTP/1.1`, 'host: x', 'authorization: Bearer read'];
    return (await askRaw(server, head)).status;
  };
  expect(await ask('DELETE')).toBe(status);
  expect((await ask('GET')) === 404).toBe(status === 404);
});

describe('a path that lacks a name is not there, and nothing runs', () => {
  test.each([
    ['GET', '/jobs/'],
    ['GET', '/jobs//output'],
    ['GET', '/containers/'],
    ['GET', '/containers//status'],
    ['GET', '/containers//logs'],
    ['GET', '/containers//logs/stream'],
    ['GET', '/containers//inspect'],
    ['POST', '/containers//start'],
    ['POST', '/containers//rebuild'],
    ['GET', '/containers//start'],
    ['POST', '/jobs/'],
    ['HEAD', '/jobs/'],
    ['GET', '/vm/status/'],
    ['POST', '/vm/start/'],
    ['GET', '/containers/nginx/status/'],
    ['GET', '/containers/nginx/logs/stream/'],
    ['GET', '/events/'],
    ['GET', '//vm/status'],
  ])('%s %s', async (method, path) => {
    const before = server.actions.length;
    const response = await server.ask(path, { as: 'admin', method });
    expect(response.status).toBe(404);
    if (method !== 'HEAD')
      expect((await expectApiError(response, 'NOT_FOUND')).message).not.toMatch(/procedure/i);
    expect(server.actions.length).toBe(before);
    expect((await server.ask(path, { method })).status).toBe(401);
  });

  test('over tRPC neither', async () => {
    expect((await server.ask('/trpc/', { as: 'admin' })).status).toBe(404);
    expect((await server.ask('/trpc/')).status).toBe(401);
  });
});

test.each([
  ['GET', '/containers/%/status'],
  ['POST', '/containers/%/start'],
  ['GET', '/containers/%/logs/stream'],
  ['GET', '/jobs/%'],
])(
  '%s %s is a bad request when the name is too long for any, after authentication',
  async (method, path) => {
    const long = path.replace('%', 'a'.repeat(4097));
    const { details } = await expectApiError(
      await server.ask(long, { as: 'admin', method }),
      'BAD_REQUEST',
    );
    expect(details.issues).toEqual([{ path: 'url', message: expect.any(String) }]);
    await expectApiError(await server.ask(long, { method }), 'UNAUTHORIZED');
  },
);

test('a procedure whose name is too long for any is a bad request in the envelope of tRPC', async () => {
  const response = await server.ask(`/trpc/${'a'.repeat(4097)}`, { as: 'read' });
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ error: { data: { code: 'BAD_REQUEST' } } });
});

test.each(['http://x', 'HTTPS://x'])('a whole URL is as good as its path: %s', async (origin) => {
  const ask = (path: string) =>
    askRaw(server, [`GET ${origin}${path} HTTP/1.1`, 'host: x', 'authorization: Bearer read']);
  expect((await ask('/vm/status')).status).toBe(200);
  expect((await ask('/vm/start')).headers.get('allow')).toBe('POST');
  expect((await ask('')).headers.get('location')).toBe('/docs');
  expect((await ask('?x')).headers.get('location')).toBe('/docs');
});
