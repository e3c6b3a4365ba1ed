import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { appRouter } from '../procedures/app-router.ts';
import { toStreamRoutes } from '../streams/routes.ts';
import {
  expectApiError,
  startTestServer,
  type TestServer,
} from '../testing/test-server.test-support.ts';
import { toRestOperations } from './operations.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server[Symbol.asyncDispose]());

const operations = [
  ...toRestOperations(appRouter).map(({ method, url }) => ({ method, url })),
  ...toStreamRoutes(appRouter).map(({ url }) => ({ method: 'GET', url })),
].map(({ method, url }) => [method, url.replace(/:\w+/, 'nginx')] as const);

describe('a query key that an operation does not know is refused by name, and nothing runs', () => {
  test.each(operations)('%s %s', async (method, path) => {
    for (const key of ['foo', 'name', 'id', '__proto__']) {
      const { details } = await expectApiError(
        await server.ask(`${path}?${key}=postgres`, { as: 'admin', method }),
        'BAD_REQUEST',
      );
      expect(details.issues?.map((issue) => issue.path)).toEqual([key]);
    }
    expect(server.actions).toEqual([]);
  });
});

test('all unknown keys are named', async () => {
  const { details } = await expectApiError(
    await server.ask('/vm/status?a=1&lines=2&b=3', { as: 'read' }),
    'BAD_REQUEST',
  );
  expect(details.issues?.map(({ path }) => path)).toEqual(['a', 'lines', 'b']);
});

test.each([
  ['/containers/nginx/logs?lines=5&lines=6', 'lines'],
  ['/containers/nginx/logs/stream?tail=5&tail=6', 'tail'],
])('%s is given more than once', async (path, key) => {
  const { message } = await expectApiError(await server.ask(path, { as: 'read' }), 'BAD_REQUEST');
  expect(message).toBe(`Invalid request: ${key}: is given more than once`);
});

test.each(['/vm/status?', '/containers?', '/containers/nginx/logs?lines=5', '/audit?limit=1'])(
  '%s is well asked',
  async (path) => {
    expect((await server.ask(path, { as: 'admin' })).status).toBe(200);
  },
);

test.each(['nginx', 'postgres'])(
  "a name in the body is refused beside the path's, the same or another: %s",
  async (name) => {
    const { details } = await expectApiError(
      await server.ask('/containers/nginx/stop', {
        as: 'admin',
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ name }),
      }),
      'BAD_REQUEST',
    );
    expect(details.issues?.map(({ path }) => path)).toEqual(['name']);
    expect(server.actions).toEqual([]);
  },
);

test.each([
  ['/containers/nginx/logs/stream?follow=False', 'follow: must be true or false'],
  ['/containers/nginx/logs/stream?timestamps=yes', 'timestamps: must be true or false'],
  ['/containers/nginx/logs/stream?tail=ten', 'tail: must be "all" or a whole number from 0'],
  ['/containers/nginx/logs/stream?tail=-5', 'tail: must be "all" or a whole number from 0'],
  ['/containers/nginx/logs/stream?tail=1.5', 'tail: must be "all" or a whole number from 0'],
  ['/containers/nginx/logs/stream?tail=1e3', 'tail: must be "all" or a whole number from 0'],
  [
    '/containers/nginx/logs/stream?tail=10000000000',
    'tail: must be "all" or a whole number from 0',
  ],
  ['/containers/nginx/logs/stream?tail=All', 'tail: must be "all" or a whole number from 0'],
  ['/containers/nginx/logs/stream?tail=', 'tail: must be "all" or a whole number from 0'],
  ['/containers/nginx/logs?lines=1.5', 'lines: must be a whole number from 1 to 10000'],
  ['/audit?limit=True', 'limit: must be a whole number from 1 to '],
  ['/events?follow=False', 'follow: must be true or false'],
])('%s is explained in terms of the query', async (path, message) => {
  const error = await expectApiError(await server.ask(path, { as: 'admin' }), 'BAD_REQUEST');
  expect(error.message).toContain(`Invalid request: ${message}`);
});
