// Plain calls are answered without tRPC's adapter, and exactly as it would: `trpc-accept` makes it answer the same call.

import { AppError, toLogText } from '@ondemand/core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../testing/test-server.test-support.ts';

const longLog = `${'\u{1F600}"\\\n'.repeat(50_000)}end`;

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({
    containers: {
      inspect: async () => {
        throw new AppError('SERVICE_UNAVAILABLE', 'Wait', { details: { retryAfterSeconds: 3 } });
      },
      logs: async (container, { lines = 100 } = {}) => ({
        container,
        lines,
        logs: toLogText([Buffer.from(lines === 1 ? 'one\n' : longLog)]),
      }),
    },
  });
});
afterAll(() => server[Symbol.asyncDispose]());

const toInput = (input: unknown) => `input=${encodeURIComponent(JSON.stringify(input))}`;
const named = toInput({ name: 'nginx' });
const status = 'containers.status';

test.each([
  ['GET', '/trpc/vm.status', undefined],
  ['GET', '/trpc/containers.list?input=', undefined],
  ['GET', `/trpc/${status}?${named}`, undefined],
  ['GET', `/trpc/${status}`, undefined],
  ['GET', `/trpc/${status}?input=null`, undefined],
  ['GET', `/trpc/${status}?${toInput({ name: 'nope' })}`, undefined],
  ['GET', `/trpc/${status}?${toInput({ name: ';' })}`, undefined],
  ['GET', `/trpc/containers.inspect?${named}`, undefined],
  ['GET', `/trpc/containers.logs?${toInput({ name: 'nginx', lines: 1 })}`, undefined],
  ['GET', `/trpc/containers.logs?${named}`, undefined],
  ['GET', `/trpc/containers.logs?${toInput({ name: 'nginx', lines: '5' })}`, undefined],
  ['GET', '/trpc/vm.status,whoami?batch=1', undefined],
  [
    'GET',
    `/trpc/${status},containers.logs?batch=1&${toInput({ 0: { name: 'nginx' }, 1: { name: 'nginx' } })}`,
    undefined,
  ],
  [
    'GET',
    `/trpc/${status},containers.inspect?batch=1&${toInput({ 0: { name: 'nginx' }, 1: { name: 'x' } })}`,
    undefined,
  ],
  [
    'GET',
    `/trpc/containers.inspect,containers.inspect?batch=1&${toInput({ 0: { name: 'a' }, 1: { name: 'b' } })}`,
    undefined,
  ],
  ['POST', '/trpc/vm.start', undefined],
  ['POST', '/trpc/vm.stop', '{"soft":true}'],
  ['POST', '/trpc/vm.stop', '{"hard":true}'],
  ['POST', '/trpc/containers.stop?batch=1', '{"0":{"name":"nginx"}}'],
  ['POST', '/trpc/containers.stop,vm.start?batch=1', '{"0":{"name":"nginx"}}'],
  // What the adapter refuses, it refuses as before.
  ['GET', `/trpc/${status}?input={`, undefined],
  ['GET', `/trpc/${status}?batch=1&input=[]`, undefined],
  ['GET', '/trpc/vm.start', undefined],
  ['POST', '/trpc/vm.status', undefined],
  ['GET', '/trpc/nope', undefined],
  ['GET', '/trpc/vm.status,nope?batch=1', undefined],
  ['POST', '/trpc/vm.stop', '{'],
  ['POST', '/trpc/vm.start,whoami?batch=1', '{}'],
])('%s %.80s', async (method, path, body) => {
  const ask = async (headers: Record<string, string>) => {
    const init = { method, headers: { 'x-request-id': 'same', ...headers } };
    const response = await server.ask(path, { as: 'admin', ...init, ...(body && { body }) });
    const kept = [...response.headers].filter(([name]) => !perConnection.has(name));
    return {
      status: response.status,
      headers: Object.fromEntries(kept),
      body: await response.text(),
    };
  };
  const json: Record<string, string> = body ? { 'content-type': 'application/json' } : {};
  const ours = await ask(json);
  const theirs = await ask({ ...json, 'trpc-accept': 'application/json' });
  expect(ours).toEqual(theirs);
});

const perConnection = new Set([
  'date',
  'content-length',
  'transfer-encoding',
  'connection',
  'keep-alive',
]);

test.each(['application/octet-stream', 'multipart/form-data; boundary=x', 'text/plain'])(
  'the content type of a GET, %s, types nothing',
  async (type) => {
    const headers = { 'content-type': type };
    for (const path of [`/trpc/${status}?${named}`, '/trpc/vm.status?batch=1&input={}'])
      expect((await server.ask(path, { as: 'read', headers })).status).toBe(200);
  },
);

test('a refused method names those that are allowed, whatever content type is sent', async () => {
  const headers = { 'content-type': 'multipart/form-data; boundary=x' };
  const refused = await server.ask('/trpc/vm.start', { as: 'admin', method: 'PATCH', headers });
  expect([refused.status, refused.headers.get('allow')]).toEqual([405, 'POST']);
});

test('a refused call of a batch leaves the others', async () => {
  const path = `/trpc/${status},${status}?batch=1&${toInput({ 0: { name: 'nope' }, 1: { name: 'nginx' } })}`;
  const response = await server.ask(path, { as: 'read' });
  expect(response.status).toBe(207);
  expect(await response.json()).toMatchObject([
    { error: { data: { code: 'NOT_FOUND' } } },
    { result: { data: { name: 'nginx' } } },
  ]);
});

test('a long text leaves in parts, whole', async () => {
  const response = await server.ask(`/trpc/containers.logs?${named}`, { as: 'read' });
  expect(response.headers.get('transfer-encoding')).toBe('chunked');
  expect(await response.json()).toEqual({
    result: { data: { container: 'nginx', lines: 100, logs: longLog } },
  });
});
