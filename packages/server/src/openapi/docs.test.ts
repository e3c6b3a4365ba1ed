import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { askRaw } from '../testing/raw-request.test-support.ts';
import {
  expectApiError,
  readJson,
  startTestServer,
  type TestServer,
} from '../testing/test-server.test-support.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server[Symbol.asyncDispose]());

describe('a path below the static files that is none of them is not found', () => {
  test.each([
    'nope',
    '../../package.json',
    '%2e%2e/%2e%2e/package.json',
    '..%2f..%2fpackage.json',
    'x/../index.css',
    './index.css',
    '%2e/index.css',
    '/index.css',
    '%00',
    'index.css%00',
    'a'.repeat(300),
    'a'.repeat(4097),
  ])('%s', async (name) => {
    for (const method of ['GET', 'HEAD'])
      expect(
        (await askRaw(server, [`${method} /docs/static/${name} HTTP/1.1`, 'host: x'])).status,
      ).toBe(404);
    const response = await askRaw(server, [`GET /docs/static/${name} HTTP/1.1`, 'host: x']);
    await expectApiError(response, 'NOT_FOUND');
  });
});

test('an escape that cannot be read is a bad request, which needs a token as everywhere', async () => {
  const path = '/docs/static/%';
  await expectApiError(await server.ask(path), 'UNAUTHORIZED');
  await expectApiError(await server.ask(path, { as: 'read' }), 'BAD_REQUEST');
});

test.each([
  ['range', 'bytes=0-1'],
  ['range', 'bytes=99999999-'],
  ['if-match', '"zz"'],
  ['if-unmodified-since', 'Mon, 01 Jan 1990 00:00:00 GMT'],
])(
  'a condition with no answer of its own in this API is passed over: %s: %s',
  async (name, value) => {
    const ask = (headers: Record<string, string> = {}) =>
      server.ask('/docs/static/index.css', { headers });
    const whole = await ask();
    const response = await ask({ [name]: value });
    expect(response.status).toBe(200);
    expect(await response.text()).toBe(await whole.text());
  },
);

test('a browser that has a file already need not fetch it again', async () => {
  const { headers } = await server.ask('/docs/static/index.css');
  const again = await askRaw(server, [
    'HEAD /docs/static/index.css HTTP/1.1',
    'host: x',
    `if-none-match: ${headers.get('etag')}`,
  ]);
  expect(again.status).toBe(304);
});

test('the page finds its files and the API by relative URLs, so it works by any address', async () => {
  const html = await (await server.ask('/docs')).text();
  expect([...html.matchAll(/(?:href|src)="([^"]+)"/g)].map(([, url = '']) => url[0])).toEqual(
    expect.arrayContaining(['.']),
  );
  expect(html).not.toMatch(/(?:href|src)="\//);
  const document = await readJson<{ servers: { url: string }[] }>(await server.ask('/docs/json'));
  expect(document.servers).toEqual([{ url: '..' }]);
});

test('below the path of its public URL, every redirect and Location stays there', async () => {
  await using below = await startTestServer(
    {
      containers: {
        rebuild: async (container) => ({
          container,
          action: 'rebuild',
          status: 'initiated',
          job: 'j-1',
        }),
      },
    },
    { publicUrl: 'https://example.com/ondemand' },
  );
  const locationOf = async (path: string) =>
    (await below.ask(path, { redirect: 'manual' })).headers.get('location');
  expect(await locationOf('/')).toBe('/ondemand/docs');
  expect(await locationOf('/docs/static/index.html')).toBe('/ondemand/docs/');
  const rebuild = await below.ask('/containers/nginx/rebuild', {
    method: 'POST',
    as: 'admin',
    headers: { prefer: 'respond-async' },
  });
  expect(rebuild.headers.get('location')).toBe('/ondemand/jobs/j-1');
});
