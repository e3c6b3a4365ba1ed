// Leases over REST and tRPC: what is taken, by whom, and what is refused.

import type { Lease } from '@ondemand/core';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { AuditEntry } from '../audit/entry.ts';
import { createAuditTrail } from '../audit/trail.ts';
import {
  expectApiError,
  readJson,
  startTestServer,
  type TestServer,
} from '../testing/test-server.test-support.ts';

const lease: Lease = {
  id: '20260208T101530Z-5f3a9c21',
  sub: 'admin',
  clientId: 'test',
  reason: 'a film',
  createdAt: '2026-02-08T10:15:30.000Z',
  expiresAt: '2026-02-08T12:15:30.000Z',
};

const calls: unknown[] = [];
const lines: AuditEntry[] = [];
let server: TestServer;
beforeAll(async () => {
  server = await startTestServer(
    {
      leases: {
        async take(request) {
          calls.push(request);
          return lease;
        },
        async release(...call) {
          calls.push(call);
          return lease;
        },
      },
    },
    { audit: createAuditTrail({ log: (line) => lines.push(line), logFailure() {} }) },
  );
});
afterAll(() => server[Symbol.asyncDispose]());
beforeEach(() => {
  calls.length = 0;
  lines.length = 0;
});

const send = (method: string, path: string, body?: unknown) =>
  server.ask(path, {
    as: 'admin',
    method,
    ...(body !== undefined && {
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    }),
  });

test('POST /vm/leases takes one in the name of the caller, and is in the audit', async () => {
  const response = await send('POST', '/vm/leases', { minutes: 120, reason: 'a film' });
  expect(response.status).toBe(200);
  expect(await readJson(response)).toEqual(lease);
  expect(calls).toMatchObject([
    { minutes: 120, reason: 'a film', by: { sub: 'admin', clientId: 'test' } },
  ]);
  expect(lines).toMatchObject([
    { action: 'vm_takeLease', target: 'oci-flex', outcome: 'intent' },
    { action: 'vm_takeLease', target: 'oci-flex', outcome: 'success' },
  ]);
});

test.each([
  [{}],
  [{ minutes: 0 }],
  [{ minutes: 1441 }],
  [{ minutes: 1.5 }],
  [{ minutes: '60' }],
  [{ minutes: null }],
  [{ minutes: 5, reason: 7 }],
  [{ minutes: 5, reason: 'two\nlines' }],
  [{ minutes: 5, reason: 'x'.repeat(201) }],
  [{ minutes: 5, until: 'tomorrow' }],
])('POST /vm/leases with %j is refused', async (body) => {
  await expectApiError(await send('POST', '/vm/leases', body), 'BAD_REQUEST');
  expect(calls).toEqual([]);
});

test('DELETE /vm/leases/{id} ends one without a body, and is in the audit by its id', async () => {
  const response = await send('DELETE', `/vm/leases/${lease.id}`);
  expect(await readJson(response)).toEqual(lease);
  expect(calls).toEqual([[lease.id, { sub: 'admin', clientId: 'test', isAdmin: true }]]);
  expect(lines.at(-1)).toMatchObject({ action: 'vm_releaseLease', target: lease.id });
  await expectApiError(await send('DELETE', '/vm/leases/..%2Fx'), 'BAD_REQUEST');
});

test('both are the same over tRPC', async () => {
  const taken = await send('POST', '/trpc/vm.takeLease', { minutes: 1 });
  expect(await readJson(taken)).toEqual({ result: { data: lease } });
  const ended = await send('POST', '/trpc/vm.releaseLease', { id: lease.id });
  expect(await readJson(ended)).toEqual({ result: { data: lease } });
});
