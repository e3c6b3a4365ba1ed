import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseBearer } from '../auth/bearer.ts';
import type { TrpcErrorData } from '../procedures/base.ts';
import {
  expectApiError,
  readJson,
  startTestServer,
  type TestServer,
} from '../testing/test-server.test-support.ts';

const limit = 5;
let server: TestServer;
beforeAll(async () => {
  server = await startTestServer(
    {},
    {
      rateLimitPerMinute: limit,
      authenticate: async (authorization) => ({
        sub: parseBearer(authorization),
        clientId: 'test',
        scopes: ['read', 'admin'],
        expiresAt: '2030-01-01T00:00:00.000Z',
      }),
    },
  );
});
afterAll(() => server[Symbol.asyncDispose]());

/** Asks as one caller, whose limit is their own. */
function createCaller() {
  serial += 1;
  const authorization = `Bearer caller-${serial}`;
  return (path: string, init: RequestInit = {}) =>
    server.ask(path, { ...init, headers: { ...init.headers, authorization } });
}
let serial = 0;

const three = 'vm.status,whoami,vm.status';

test.each([
  `/trpc/${three}?batch=1`,
  `/trpc/${three}?x=?&batch=1`,
  `/trpc/${three}?x=?y?&batch=1#x`,
  `/trpc/${three}??&batch=1`,
  `/trpc/${three}?&&batch=1`,
  `/trpc/${three}?batch=1&batch=0`,
  `/trpc/${three}?%62atch=1`,
  `/trpc/${three}?batch=%31`,
  `/trpc/${three}?b%61tch=%31&input=%7B%7D`,
  `/trpc/${three}?input=%7B%7D&batch=1&?`,
  `/trpc/${three.replaceAll(',', '%2C')}?batch=1`,
  `/trpc/${three.replaceAll(',', '%2c')}?batch=1`,
  `/trpc/${three.replaceAll(',', '%252C')}?batch=1`,
  `/trpc/${three.replace(',', '%2C')}?batch=1`,
  `/%74rpc/${three}?batch=1`,
  `/trpc/%76m.status,whoami,vm%2Estatus?batch=1`,
])('the three calls of %s count as three, and all of them are answered', async (path) => {
  const ask = createCaller();
  const answer = await ask(path);
  expect({ status: answer.status, calls: (await readJson<unknown[]>(answer)).length }).toEqual({
    status: 200,
    calls: 3,
  });
  expect((await ask(path)).status).toBe(429);
  const left = [];
  for (let count = 0; count < 3; count += 1) left.push((await ask('/vm/status')).status);
  expect(left).toEqual([200, 200, 429]);
});

test.each([
  `/trpc/${three}`,
  `/trpc/${three}?batch=0`,
  `/trpc/${three}?batch=0&batch=1`,
  `/trpc/${three}?batch=true`,
  `/trpc/${three}?xbatch=1`,
  `/trpc/vm.status?batch=1`,
  `/containers/a,b,c/status?batch=1`,
  `/nope,nope,nope?batch=1`,
])('%s counts as one', async (path) => {
  const ask = createCaller();
  expect((await ask(path)).status).not.toBe(429);
  for (let count = 1; count < limit; count += 1) expect((await ask('/vm/status')).status).toBe(200);
  expect((await ask('/vm/status')).status).toBe(429);
});

test.each([50, 51, 500])('a batch of %d calls', async (count) => {
  const ask = createCaller();
  const path = `/trpc/${Array.from({ length: count }, () => 'whoami').join(',')}?batch=1`;
  const answer = await ask(path);
  if (count <= 50) {
    expect([answer.status, (await readJson<unknown[]>(answer)).length]).toEqual([200, count]);
    return;
  }
  const { error } = await readJson<{ error: { message: string; data: TrpcErrorData } }>(answer);
  expect(answer.status).toBe(400);
  expect(error.data.code).toBe('BAD_REQUEST');
  expect(JSON.stringify(error.data)).toContain(
    `A batch may hold 50 calls, and this one holds ${count}; set maxItems: 50`,
  );
});

test('of a batch that is too large nothing is run', async () => {
  const path = `/trpc/${Array.from({ length: 51 }, () => 'vm.stop').join(',')}?batch=1`;
  expect((await createCaller()(path, { method: 'POST' })).status).toBe(400);
  expect(server.actions).toEqual([]);
  await expectApiError(await createCaller()('/nope'), 'NOT_FOUND');
});
