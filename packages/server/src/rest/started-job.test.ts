import { AppError, type ContainerActionResult } from '@ondemand/core';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { AuditEntry } from '../audit/entry.ts';
import { createAuditTrail } from '../audit/trail.ts';
import {
  expectApiError,
  readJson,
  startTestServer,
  type TestServer,
} from '../testing/test-server.test-support.ts';

const waits: (number | undefined)[] = [];
/** The audit, without intents. */
const lines: AuditEntry[] = [];
/** What a rebuild fails with, where it does. */
let fault: AppError | undefined;
let server: TestServer;
beforeAll(async () => {
  server = await startTestServer(
    {
      containers: {
        rebuild: async (container, { waitMs } = {}): Promise<ContainerActionResult> => {
          waits.push(waitMs);
          if (fault !== undefined) throw fault;
          return waitMs !== undefined && waitMs < 10_000
            ? { container, action: 'rebuild', status: 'initiated', job: 'j-1' }
            : { container, action: 'rebuild', status: 'success', changed: true, job: 'j-1' };
        },
      },
    },
    {
      audit: createAuditTrail({
        log: (line) => line.outcome !== 'intent' && lines.push(line),
        logFailure() {},
      }),
    },
  );
});
afterAll(() => server[Symbol.asyncDispose]());
beforeEach(() => {
  waits.length = 0;
  lines.length = 0;
  fault = undefined;
});

const path = '/containers/nginx/rebuild';
const json = { 'content-type': 'application/json' };

describe('a rebuild is answered once it has begun', () => {
  test.each([
    ['the header', { headers: { prefer: 'respond-async' } }, 'respond-async'],
    [
      'one of several headers',
      { headers: { prefer: 'return=minimal, Respond-Async; x=1' } },
      'respond-async',
    ],
    ['the body', { headers: json, body: '{"async":true}' }, null],
    [
      'both',
      { headers: { ...json, prefer: 'respond-async' }, body: '{"async":true}' },
      'respond-async',
    ],
  ])('by %s', async (_, init, applied) => {
    const response = await server.ask(path, { as: 'admin', method: 'POST', ...init });
    expect(response.status).toBe(202);
    expect(response.headers.get('location')).toBe('/jobs/j-1');
    expect(response.headers.get('preference-applied')).toBe(applied);
    expect(await readJson(response)).toEqual({
      container: 'nginx',
      action: 'rebuild',
      status: 'initiated',
      job: 'j-1',
    });
    expect(waits).toEqual([0]);
    expect(lines).toMatchObject([{ outcome: 'success', status: 202, job: 'j-1' }]);
  });
});

describe('a rebuild is answered once it has ended', () => {
  test.each([
    ['nothing else is said', {}],
    ['what is said of waiting makes no sense', { headers: { prefer: 'wait=soon' } }],
    [
      'the body says so',
      { headers: { ...json, prefer: 'respond-async' }, body: '{"async":false}' },
    ],
  ])('when %s', async (_, init) => {
    const response = await server.ask(path, { as: 'admin', method: 'POST', ...init });
    expect(response.status).toBe(200);
    expect(response.headers.has('location')).toBe(false);
    expect(response.headers.has('preference-applied')).toBe(false);
    expect(await readJson(response)).toMatchObject({ status: 'success', job: 'j-1' });
    expect(waits).toEqual([undefined]);
    expect(lines).toMatchObject([{ outcome: 'success', status: 200, job: 'j-1' }]);
  });
});

describe('a rebuild is waited for as long as its caller prefers', () => {
  test.each([
    ['ends in time', 'wait=10', 200],
    ['takes longer', 'wait=9', 202],
    ['takes longer, and that is expected', 'respond-async, wait=9', 202],
  ])('and %s', async (_, prefer, status) => {
    const response = await server.ask(path, { as: 'admin', method: 'POST', headers: { prefer } });
    expect(response.status).toBe(status);
    expect(response.headers.get('preference-applied')).toBe(prefer);
    expect(response.headers.get('location')).toBe(status === 202 ? '/jobs/j-1' : null);
    expect(waits).toEqual([Number(prefer.split('=')[1]) * 1000]);
  });

  test('by the input of a tRPC call, or by its header', async () => {
    const init = { as: 'admin', method: 'POST' } as const;
    const trpc = '/trpc/containers.rebuild';
    const body = { name: 'nginx', waitSeconds: 9 };
    await server.ask(trpc, { ...init, headers: json, body: JSON.stringify(body) });
    const response = await server.ask(trpc, {
      ...init,
      headers: { ...json, prefer: 'wait=8' },
      body: '{"name":"nginx"}',
    });
    expect(await readJson(response)).toMatchObject({ result: { data: { job: 'j-1' } } });
    expect(response.headers.get('preference-applied')).toBe('wait=8');
    expect(waits).toEqual([9_000, 8_000]);
  });

  test.each(['-1', '1.5', '"5"', '100000', 'null'])('waitSeconds: %s is refused', async (value) => {
    const rest = await server.ask(path, {
      as: 'admin',
      method: 'POST',
      headers: json,
      body: `{"waitSeconds":${value}}`,
    });
    const { details } = await expectApiError(rest, 'BAD_REQUEST');
    expect(details.issues).toMatchObject([{ path: 'waitSeconds' }]);
    expect(waits).toEqual([]);
  });
});

test('over tRPC the audit says the same', async () => {
  const response = await server.ask('/trpc/containers.rebuild', {
    as: 'admin',
    method: 'POST',
    headers: json,
    body: JSON.stringify({ name: 'nginx', async: true }),
  });
  expect(await readJson(response)).toMatchObject({ result: { data: { status: 'initiated' } } });
  expect(lines).toMatchObject([{ action: 'containers_rebuild', status: 202, job: 'j-1' }]);
});

test.each(['"yes"', '1', 'null', '"false"'])(
  'async: %s is refused on both transports',
  async (value) => {
    const init = { as: 'admin', method: 'POST', headers: json } as const;
    const rest = await server.ask(path, { ...init, body: `{"async":${value}}` });
    const { details } = await expectApiError(rest, 'BAD_REQUEST');
    expect(details.issues).toMatchObject([{ path: 'async' }]);
    const trpc = await server.ask('/trpc/containers.rebuild', {
      ...init,
      body: `{"name":"nginx","async":${value}}`,
    });
    expect(trpc.status).toBe(400);
    expect(waits).toEqual([]);
  },
);

test('a build that failed has its job in the audit, a refusal not that of another', async () => {
  const details = { job: 'j-2' };
  fault = new AppError('INTERNAL_ERROR', 'No', { details });
  await server.ask(path, { as: 'admin', method: 'POST' });
  expect(lines).toMatchObject([{ outcome: 'failed', status: 500, job: 'j-2' }]);
  lines.length = 0;
  fault = new AppError('CONFLICT', 'No', { details });
  const response = await server.ask(path, {
    as: 'admin',
    method: 'POST',
    headers: { prefer: 'respond-async' },
  });
  expect((await expectApiError(response, 'CONFLICT')).details).toMatchObject(details);
  expect(response.headers.has('location')).toBe(false);
  expect(lines).toMatchObject([{ outcome: 'refused', status: 409 }]);
  expect(lines[0]).not.toHaveProperty('job');
});
