import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { askRaw, exchange, toResponse } from './raw-request.test-support.ts';
import { toSecurityHeaders } from './security-headers.ts';
import { expectApiError, startTestServer, type TestServer } from './testing.test-support.ts';

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
  ['no path of OPTIONS', ['OPTIONS * HTTP/1.1', 'host: x'], 'url'],
  ['CONNECT', ['CONNECT x HTTP/1.1', 'host: x'], 'request'],
  ['CONNECT to a port', ['CONNECT x:443 HTTP/1.1', 'host: x:443'], 'request'],
  ['no HTTP', ['GARBAGE'], 'request'],
  ['headers too large', ['GET / HTTP/1.1', 'host: x', `x: ${'x'.repeat(20_000)}`], 'request'],
] as const)('%s is a bad request, said in a whole ApiError', async (_, lines, path) => {
  const response = await askRaw(server, lines);
  const { details } = await expectApiError(response, 'BAD_REQUEST');
  expect(details.issues).toEqual([{ path, message: expect.any(String) }]);
  for (const [name, value] of Object.entries(
    toSecurityHeaders({ publicUrl: 'http://127.0.0.1:5000' }),
  ))
    expect(response.headers.get(name), name).toBe(value);
});

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
