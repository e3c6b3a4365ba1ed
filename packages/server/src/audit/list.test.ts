// GET /audit: the newest lines, for admins.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  expectApiError,
  readJson,
  startTestServer,
  type TestServer,
} from '../testing/test-server.test-support.ts';
import type { AuditEntry } from './entry.ts';
import { createAuditTrail } from './trail.ts';

const start = () => startTestServer({}, { audit: createAuditTrail({ log() {}, logFailure() {} }) });

let server: TestServer;
beforeAll(async () => {
  server = await start();
});
afterAll(() => server[Symbol.asyncDispose]());

describe('GET /audit', () => {
  const listOf = async (from: TestServer, query = '') =>
    readJson<AuditEntry[]>(await from.ask(`/audit${query}`, { as: 'admin' }));

  test('answers with the newest lines, newest first, in REST and tRPC', async () => {
    await using own = await start();
    await own.ask('/vm/start', { as: 'admin', method: 'POST' });
    await own.ask('/vm/stop', { as: 'read', method: 'POST' });
    expect((await listOf(own)).map(({ action, outcome }) => [action, outcome])).toEqual([
      ['vm_stop', 'refused'],
      ['vm_start', 'success'],
      ['vm_start', 'intent'],
    ]);
    expect(await listOf(own, '?limit=1')).toHaveLength(1);
    const input = encodeURIComponent(JSON.stringify({ limit: 1 }));
    const trpc = await own.ask(`/trpc/audit.list?input=${input}`, { as: 'admin' });
    const { result } = await readJson<{ result: { data: AuditEntry[] } }>(trpc);
    expect(result.data).toEqual(await listOf(own, '?limit=1'));
  });

  test('has a hundred lines if limit is left out', async () => {
    await using own = await start();
    for (let times = 0; times < 53; times += 1)
      await own.ask('/vm/stop', { as: 'admin', method: 'POST' });
    expect(await listOf(own)).toHaveLength(100);
    expect(await listOf(own, '?limit=1000')).toHaveLength(106);
  });

  test('needs admin', async () => {
    await expectApiError(await server.ask('/audit', { as: 'read' }), 'FORBIDDEN');
    await expectApiError(await server.ask('/audit'), 'UNAUTHORIZED');
  });

  test.each(['0', '-1', '1001', '1e3', '0x10', '1.5', '', '%205', '+5', 'all', '5&limit=6'])(
    'limit=%s is refused',
    async (limit) => {
      const response = await server.ask(`/audit?limit=${limit}`, { as: 'admin' });
      const { details } = await expectApiError(response, 'BAD_REQUEST');
      expect(details.issues?.[0]?.path).toBe('limit');
    },
  );

  test('a number as text is refused in tRPC, also after a REST call', async () => {
    await listOf(server, '?limit=5');
    const input = encodeURIComponent(JSON.stringify({ limit: '5' }));
    const response = await server.ask(`/trpc/audit.list?input=${input}`, { as: 'admin' });
    expect(response.status).toBe(400);
  });

  test('an unknown query parameter is refused', async () => {
    await expectApiError(await server.ask('/audit?lines=5', { as: 'admin' }), 'BAD_REQUEST');
  });
});
