// Each method on each kind of URL below /trpc: what it takes is true, and what is not there is not found.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { askRaw } from '../testing/raw-request.test-support.ts';
import { startTestServer, type TestServer } from '../testing/test-server.test-support.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server[Symbol.asyncDispose]());

/** As bytes, since fetch sends no TRACE. */
function ask(method: string, path: string, token?: string): Promise<Response> {
  const authorization = token === undefined ? [] : [`authorization: Bearer ${token}`];
  const head = [`${method} ${path} HTTP/1.1`, 'host: x', 'content-length: 0', ...authorization];
  return askRaw(server, head);
}

describe.each(['TRACE', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'QUERY', 'PROPFIND'])(
  '%s',
  (method) => {
    test.each([
      ['/trpc/vm.start', 'POST'],
      ['/trpc/vm.status', 'GET'],
      ['/trpc/events', 'GET'],
      ['/trpc/vm%2Estatus?input=', 'GET'],
      ['/%74rpc/vm%252Estatus', 'GET'],
      ['/trpc/vm.status,whoami?batch=1', 'GET'],
      ['/trpc/vm.start,vm.stop?batch=1', 'POST'],
      ['/trpc/vm.start%2Cvm.status?batch=1', 'GET, POST'],
      ['/trpc/vm.start,nope?batch=1', 'POST'],
    ])('of %s is not allowed, but %s', async (path, allow) => {
      const response = await ask(method, path, 'admin');
      expect([response.status, response.headers.get('allow')]).toEqual([405, allow]);
      expect(await response.text()).toContain('"METHOD_NOT_ALLOWED"');
      expect((await ask(method, path)).status).toBe(401);
    });

    test.each([
      '/trpc/nope',
      '/trpc/nope,nope?batch=1',
      '/trpc/vm.start,vm.stop',
      '/trpc/',
      '/trpc',
      '/trpc/vm/start',
    ])('of %s finds nothing', async (path) => {
      const response = await ask(method, path, 'admin');
      expect([response.status, response.headers.get('allow')]).toEqual([404, null]);
    });
  },
);

test.each([
  ['GET', '/trpc/vm.start', 405, 'POST'],
  ['POST', '/trpc/vm.status', 405, 'GET'],
  ['POST', '/trpc/events', 405, 'GET'],
  ['GET', '/trpc/nope', 404, null],
  ['POST', '/trpc/nope', 404, null],
])('%s %s is %d, as tRPC has it', async (method, path, status, allow) => {
  const response = await ask(method, path, 'admin');
  expect([response.status, response.headers.get('allow')]).toEqual([status, allow]);
});
