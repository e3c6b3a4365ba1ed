import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type $ZodType, safeParse } from 'zod/v4/core';
import { readJson, startTestServer, type TestServer } from '../testing/test-server.test-support.ts';
import { appRouter } from './app-router.ts';
import type { TrpcErrorData } from './base.ts';
import { listProcedures } from './procedure-list.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server[Symbol.asyncDispose]());

interface Failure {
  readonly error: { readonly message: string; readonly data: TrpcErrorData };
}

const accepts = (field: $ZodType, value: unknown) => safeParse(field, value).success;

const input = (value: unknown) => encodeURIComponent(JSON.stringify(value));

test('a query answers with its data', async () => {
  const response = await server.ask('/trpc/whoami', { as: 'admin' });
  const { result } = await readJson<{ result: { data: unknown } }>(response);
  expect(result.data).toMatchObject({
    sub: 'admin',
    clientId: 'test',
    scopes: ['read', 'wake', 'admin'],
  });
});

describe('failures have the same status, headers and ApiError as in REST', () => {
  test.each([
    ['no token', '/trpc/vm.status', {}, 401, 'UNAUTHORIZED'],
    ['no token, unknown procedure', '/trpc/nope', {}, 401, 'UNAUTHORIZED'],
    ['unknown procedure', '/trpc/nope', { as: 'read' }, 404, 'NOT_FOUND'],
    ['unknown path', '/trpc/a/b', { as: 'read' }, 404, 'NOT_FOUND'],
    ['scope missing', '/trpc/vm.stop', { as: 'read', method: 'POST' }, 403, 'FORBIDDEN'],
    ['wrong method', '/trpc/vm.stop', { as: 'admin' }, 405, 'METHOD_NOT_ALLOWED'],
    [
      'no such container',
      `/trpc/containers.status?input=${input({ name: 'x' })}`,
      { as: 'read' },
      404,
      'NOT_FOUND',
    ],
    [
      'bad name',
      `/trpc/containers.status?input=${input({ name: '../x' })}`,
      { as: 'read' },
      400,
      'BAD_REQUEST',
    ],
    ['malformed input', '/trpc/containers.status?input=%7B', { as: 'read' }, 400, 'BAD_REQUEST'],
    ['mixed batch', '/trpc/vm.status,vm.stop?batch=1', { as: 'admin' }, 400, 'BAD_REQUEST'],
    [
      'not JSON',
      '/trpc/vm.stop',
      { as: 'admin', method: 'POST', body: 'x' },
      415,
      'UNSUPPORTED_MEDIA_TYPE',
    ],
  ] as const)('%s', async (_, path, init, status, code) => {
    const response = await server.ask(path, init);
    const { error } = await readJson<Failure>(response);
    expect(response.status).toBe(status);
    expect(response.headers.get('content-type')).toMatch(/^application\/json/);
    expect(error.data).toMatchObject({ code, httpStatus: status, message: error.message });
    expect(error.data.details.requestId).toBe(response.headers.get('x-request-id'));
    expect(Array.isArray(error.data.details.issues)).toBe(status === 400);
    expect(response.headers.has('www-authenticate')).toBe(status === 401 || status === 403);
    expect(response.headers.has('allow')).toBe(status === 405);
  });
});

describe('no input is needed', () => {
  let own: TestServer; // these act
  beforeAll(async () => {
    own = await startTestServer();
  });
  afterAll(() => own[Symbol.asyncDispose]());

  test.each(
    listProcedures(appRouter)
      .filter(({ fields }) => Object.values(fields).every((field) => accepts(field, undefined)))
      .map(({ path, type }) => [path, type] as const),
  )('by %s, whose every field may be left out', async (path, type) => {
    const response = await own.ask(`/trpc/${path}`, {
      as: 'admin',
      method: type === 'mutation' ? 'POST' : 'GET',
    });
    expect(response.status).not.toBe(400);
    await response.body?.cancel();
  });
});

test('an admin call in a batch with a read token does not run', async () => {
  const response = await server.ask('/trpc/vm.stop,containers.start?batch=1', {
    as: 'read',
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ 1: { name: 'nginx' } }),
  });
  const answers = await readJson<Failure[]>(response);
  expect(answers.map(({ error }) => error.data.code)).toEqual(['FORBIDDEN', 'FORBIDDEN']);
  expect(server.actions).toEqual([]);
});
