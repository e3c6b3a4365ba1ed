import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  expectApiError,
  startTestServer,
  type TestServer,
} from '../testing/test-server.test-support.ts';
import { badInput } from './bad-input.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server[Symbol.asyncDispose]());

test('the first issue is the message', () => {
  const issues = [
    { path: 'lines', message: 'must be 1' },
    { path: 'name', message: 'must be short' },
  ];
  expect(badInput(issues)).toMatchObject({
    code: 'BAD_REQUEST',
    message: 'Invalid request: lines: must be 1',
    details: { issues },
  });
  expect(badInput([{ path: '', message: 'must be a list' }]).message).toBe(
    'Invalid request: must be a list',
  );
});

describe('however long a request is, the answer that refuses it is short', () => {
  const key = 'k'.repeat(60_000);
  const queryKey = 'k'.repeat(10_000);
  const manyKeys = Object.fromEntries(Array.from({ length: 5000 }, (_, at) => [`key${at}`, 1]));
  const post = (body: unknown): RequestInit => ({
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  test.each([
    ['one key in a body', '/containers/nginx/start', post({ [key]: 1 })],
    ['many keys in a body', '/containers/nginx/start', post(manyKeys)],
    ['one key over tRPC', '/trpc/containers.start', post({ name: 'nginx', [key]: 1 })],
    ['many keys over tRPC', '/trpc/containers.start', post({ name: 'nginx', ...manyKeys })],
    ['a key in a query', `/containers/nginx/logs?${queryKey}=1`, {}],
    ['a key in the query of a stream', `/containers/nginx/logs/stream?${queryKey}=1`, {}],
    ['a name', `/containers/${'a'.repeat(4000)}/status`, {}],
    ['a path', `/${'a'.repeat(10_000)}`, {}],
  ])('%s', async (_, path, init) => {
    const response = await server.ask(path, { as: 'admin', ...init });
    expect([400, 404]).toContain(response.status);
    expect((await response.text()).length).toBeLessThan(4000);
    expect(server.actions).toEqual([]);
  });
});

describe('an unknown key is named, on both transports', () => {
  const input = encodeURIComponent(JSON.stringify({ name: 'nginx', foo: 1 }));
  const issues = [{ path: 'foo', message: 'is no parameter of this' }];

  test.each([
    ['/containers/nginx/logs?foo=1', {}],
    ['/containers/nginx/logs/stream?foo=1', {}],
    [
      '/containers/nginx/rebuild',
      { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"foo":1}' },
    ],
  ])('%s', async (path, init) => {
    const body = await expectApiError(
      await server.ask(path, { as: 'admin', ...init }),
      'BAD_REQUEST',
    );
    expect(body.message).toBe('Invalid request: foo: is no parameter of this');
    expect(body.details.issues).toEqual(issues);
  });

  test('one without a name, too', async () => {
    const { details } = await expectApiError(
      await server.ask('/containers/nginx/logs?=1', { as: 'admin' }),
      'BAD_REQUEST',
    );
    expect(details.issues).toEqual([{ path: '""', message: 'is no parameter of this' }]);
  });

  test.each(['containers.logs', 'containers.followLogs'])('tRPC %s', async (procedure) => {
    const response = await server.ask(`/trpc/${procedure}?input=${input}`, { as: 'admin' });
    expect(await response.json()).toMatchObject({ error: { data: { details: { issues } } } });
  });
});
