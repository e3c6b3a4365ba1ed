import { once } from 'node:events';
import { connect } from 'node:net';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { askRaw, exchange, toResponse } from '../testing/raw-request.test-support.ts';
import {
  type ApiErrorBody,
  expectApiError,
  readJson,
  startTestServer,
  type TestServer,
} from '../testing/test-server.test-support.ts';
import { answerClientError } from './malformed-requests.ts';
import { toSecurityHeaders } from './security-headers.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server[Symbol.asyncDispose]());

test.each([
  ['no Host', ['GET /vm/status HTTP/1.1'], 'host'],
  ['two Hosts', ['GET /healthz HTTP/1.1', 'host: a', 'host: b'], 'host'],
  ['the same Host twice', ['GET /healthz HTTP/1.1', 'host: a', 'Host: a'], 'host'],
  ['an unknown expectation', ['POST /vm/start HTTP/1.1', 'host: x', 'expect: foo'], 'expect'],
  ['no path', ['GET * HTTP/1.1', 'host: x'], 'url'],
  ['no path but a query', ['GET *?lines=1 HTTP/1.1', 'host: x'], 'url'],
  ['another scheme', ['GET ftp://x/healthz HTTP/1.1', 'host: x'], 'url'],
  ['no path of OPTIONS', ['OPTIONS * HTTP/1.1', 'host: x'], 'url'],
  ['CONNECT', ['CONNECT x HTTP/1.1', 'host: x'], 'request'],
  ['CONNECT to a port', ['CONNECT x:443 HTTP/1.1', 'host: x:443'], 'request'],
  ['no HTTP', ['GARBAGE'], 'request'],
  ...['a b', 'a/b', 'http://x', 'user@x', 'x:y', '[::1', '<x>'].map(
    (host) => [`the Host "${host}"`, ['GET /healthz HTTP/1.1', `host: ${host}`], 'host'] as const,
  ),
] as const)('%s is a bad request, said in a whole ApiError', async (_, lines, path) => {
  const response = await askRaw(server, lines);
  const { details } = await expectApiError(response, 'BAD_REQUEST');
  expect(details.issues).toEqual([{ path, message: expect.any(String) }]);
  for (const [name, value] of Object.entries(
    toSecurityHeaders({ publicUrl: 'http://127.0.0.1:5000' }),
  ))
    expect(response.headers.get(name), name).toBe(value);
});

test.each(['x', 'x:5000', '127.0.0.1', '[::1]:80', 'a-b_c.example.com.'])(
  'the Host "%s" is one',
  async (host) => {
    expect((await askRaw(server, ['GET /healthz HTTP/1.1', `host: ${host}`])).status).toBe(200);
  },
);

test('headers too large are a 431, which browsers and proxies know', async () => {
  const lines = ['GET / HTTP/1.1', 'host: x', `x: ${'x'.repeat(20_000)}`];
  await expectRefusal(await askRaw(server, lines), 431);
});

test('a request that stalls in its headers gets a 408, which browsers and proxies know to ignore', async () => {
  const answer = new PassThrough();
  const late = Object.assign(new Error('late'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' });
  answerClientError(late, answer, {});
  await expectRefusal(toResponse(await text(answer)), 408);
});

async function expectRefusal(response: Response, status: number): Promise<void> {
  expect(response.status).toBe(status);
  expect(await readJson<ApiErrorBody>(response)).toMatchObject({
    code: 'BAD_REQUEST',
    message: expect.stringMatching(/\S/),
    details: { requestId: response.headers.get('x-request-id'), issues: [{ path: 'request' }] },
  });
}

test('HTTP/1.0 needs no Host', async () => {
  expect((await askRaw(server, ['GET /healthz HTTP/1.0'])).status).toBe(200);
});

test('a caller who expects 100-continue is told to go on', async () => {
  const answers = await exchange(
    server,
    'POST /vm/start HTTP/1.1\r\nhost: x\r\nauthorization: Bearer admin\r\nexpect: 100-Continue\r\ncontent-type: application/json\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}',
  );
  const [first, ...rest] = answers.split('\r\n\r\n');
  expect(first).toBe('HTTP/1.1 100 Continue');
  expect(toResponse(rest.join('\r\n\r\n')).status).toBe(200);
});

test('a caller who breaks off a CONNECT harms nobody', async () => {
  const { hostname, port } = new URL(server.url);
  const socket = connect({ host: hostname, port: Number(port) });
  await once(socket, 'connect');
  socket.write('CONNECT x HTTP/1.1\r\nhost: x\r\n\r\n', () => socket.resetAndDestroy());
  await once(socket, 'close');
  await expect.poll(() => server.countConnections()).toBe(0);
  expect((await server.ask('/healthz')).status).toBe(200);
});
