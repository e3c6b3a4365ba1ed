import { request } from 'node:http';
import { AppError } from '@ondemand/core';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../testing/test-server.test-support.ts';
import type { AuditEntry } from './entry.ts';
import { createAuditTrail } from './trail.ts';

/** Those that say how a call went; each is behind its intent where it got that far. */
const lines: AuditEntry[] = [];
const intents: AuditEntry[] = [];
const log = (entry: AuditEntry) => (entry.outcome === 'intent' ? intents : lines).push(entry);
/** What the start of the VM fails with, where it does. */
let startFault: Error | undefined;

let shared: TestServer;
/** The one that is asked: some tests have one of their own. */
let server: TestServer;
beforeAll(async () => {
  const initiated = { action: 'START', status: 'initiated', vmId: 'oci-flex' } as const;
  shared = await start({
    vm: {
      async start() {
        if (startFault !== undefined) throw startFault;
        shared.actions.push('START');
        return initiated;
      },
    },
  });
});
afterAll(() => shared[Symbol.asyncDispose]());
beforeEach(() => {
  server = shared;
  server.actions.length = 0;
  lines.length = 0;
  intents.length = 0;
  startFault = undefined;
});

function start(
  overrides: Parameters<typeof startTestServer>[0] = {},
  options: Parameters<typeof startTestServer>[1] = {},
): Promise<TestServer> {
  const audit = createAuditTrail({ log, logFailure() {} });
  return startTestServer(overrides, { audit, ...options });
}

const json = { 'content-type': 'application/json' };

/** The same call on both transports. */
const transports: Record<string, (path: string, as: 'read' | 'admin') => Promise<Response>> = {
  REST: (path, as) => server.ask(path, { as, method: 'POST' }),
  tRPC: (path, as) => {
    const [noun, ...rest] = path.slice(1).split('/');
    const [action, name] = rest.toReversed();
    return server.ask(`/trpc/${noun}.${action}`, {
      as,
      method: 'POST',
      headers: json,
      ...(name !== undefined && { body: JSON.stringify({ name: decodeURIComponent(name) }) }),
    });
  },
};

describe.each(Object.entries(transports))('over %s', (_, post) => {
  test('a success leaves one whole line, before its answer', async () => {
    const response = await post('/containers/nginx/restart', 'admin');
    const requestId = response.headers.get('x-request-id');
    expect(response.status).toBe(200);
    expect(lines).toEqual([
      {
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
        sub: 'admin',
        clientId: 'test',
        ip: '127.0.0.1',
        action: 'containers_restart',
        target: 'nginx',
        outcome: 'success',
        status: 200,
        durationMs: expect.any(Number),
        requestId,
      },
    ]);
  });

  test('an intent is written before anything is sent, with the request id of what came of it', async () => {
    let written: readonly AuditEntry[] = [];
    await using watched = await start({
      vm: {
        stop: async () => {
          written = [...intents, ...lines];
          return { action: 'STOP', status: 'initiated', vmId: 'oci-flex' };
        },
      },
    });
    server = watched;
    const response = await post('/vm/stop', 'admin');
    const requestId = response.headers.get('x-request-id');
    const same = { sub: 'admin', action: 'vm_stop', target: 'oci-flex', requestId };
    expect(written).toEqual([expect.objectContaining({ ...same, outcome: 'intent' })]);
    expect(written[0]).not.toHaveProperty('status');
    expect(lines).toMatchObject([{ ...same, outcome: 'success' }]);
  });

  test('however many intents there are, each has its outcome', async () => {
    startFault = new AppError('CONFLICT', 'VM already running');
    for (let times = 0; times < 40; times += 1) await post('/vm/start', 'admin');
    expect(intents).toHaveLength(40);
    expect(lines.map(({ requestId }) => requestId)).toEqual(
      intents.map(({ requestId }) => requestId),
    );
  });

  test.each(['start', 'stop', 'reboot', 'reset'])('POST /vm/%s is about the VM', async (action) => {
    await post(`/vm/${action}`, 'admin');
    expect(lines).toMatchObject([{ action: `vm_${action}`, target: 'oci-flex' }]);
  });

  test('a missing scope is refused', async () => {
    for (const path of ['/containers/nginx/stop', '/vm/stop'])
      expect((await post(path, 'read')).status).toBe(403);
    const refusal = { sub: 'read', outcome: 'refused', status: 403, code: 'FORBIDDEN' };
    expect(lines).toMatchObject([
      { ...refusal, action: 'containers_stop', target: 'nginx' },
      { ...refusal, action: 'vm_stop', target: 'oci-flex' },
    ]);
    expect(server.actions).toEqual([]);
  });

  test('an invalid name is refused, and kept as it was sent', async () => {
    expect((await post('/containers/%3Breboot%0A%22/stop', 'admin')).status).toBe(400);
    expect((await post(`/containers/${'x'.repeat(4000)}/stop`, 'admin')).status).toBe(400);
    const refusal = { action: 'containers_stop', outcome: 'refused', status: 400 };
    expect(lines).toMatchObject([
      { ...refusal, target: ';reboot\n"' },
      { ...refusal, target: `${'x'.repeat(254)}…` },
    ]);
  });

  test.each([
    [new AppError('CONFLICT', 'VM already running'), 'refused', 409],
    [new AppError('NOT_FOUND', 'no such thing'), 'refused', 404],
    [new AppError('SERVICE_UNAVAILABLE', 'no SSH'), 'failed', 503],
    [new AppError('INTERNAL_ERROR', 'the build failed'), 'failed', 500],
    [
      new AppError('SERVICE_UNAVAILABLE', 'lost', { details: { outcome: 'unknown' } }),
      'unknown',
      503,
    ],
    [
      new AppError('SERVICE_UNAVAILABLE', 'lost', { details: { reason: 'OUTCOME_UNKNOWN' } }),
      'unknown',
      503,
    ],
  ] as const)('%s is %s', async (error, outcome, status) => {
    startFault = error;
    expect((await post('/vm/start', 'admin')).status).toBe(status);
    expect(lines).toMatchObject([{ action: 'vm_start', outcome, status, code: error.code }]);
  });

  test('a bug is a failure, and what it says stays inside', async () => {
    startFault = new TypeError('/home/opc/secret');
    await post('/vm/start', 'admin');
    expect(lines).toMatchObject([{ outcome: 'failed', status: 500, code: 'INTERNAL_ERROR' }]);
    expect(JSON.stringify(lines)).not.toContain('secret');
  });

  test('nothing is changed while the line could not be written', async () => {
    let isFull = true;
    const refuse = async () => {
      if (isFull) throw new Error('full');
    };
    const file = {
      append: refuse,
      check: refuse,
      async *readBackwards() {},
    };
    const audit = createAuditTrail({ log, logFailure() {}, file });
    await using stuck = await start({}, { audit });
    server = stuck;
    expect((await post('/vm/start', 'admin')).status).toBe(503);
    expect((await post('/containers/nginx/stop', 'admin')).status).toBe(503);
    expect((await post('/vm/stop', 'read')).status).toBe(403);
    expect((await server.ask('/vm/status', { as: 'read' })).status).toBe(200);
    expect(server.actions).toEqual([]);
    // What saves money goes on with the log alone.
    expect((await post('/vm/stop', 'admin')).status).toBe(200);
    expect(server.actions).toEqual(['STOP']);
    isFull = false;
    expect((await post('/vm/start', 'admin')).status).toBe(200);
    expect(lines.map(({ status }) => status)).toEqual([503, 503, 403, 200, 200]);
  });
});

test('a body that is refused before the procedure leaves its line too', async () => {
  for (const [body, headers, status] of [
    ['{bad', json, 400],
    ['[1]', json, 400],
    ['{"force":true}', json, 400],
    ['x', { 'content-type': 'text/plain' }, 415],
    [`"${'x'.repeat(100_000)}"`, json, 413],
  ] as const) {
    lines.length = 0;
    await server.ask('/vm/reset', { as: 'admin', method: 'POST', headers, body });
    expect(lines).toMatchObject([
      { sub: 'admin', action: 'vm_reset', target: 'oci-flex', outcome: 'refused', status },
    ]);
  }
  expect(server.actions).toEqual([]);
});

test('a batch leaves a line for each of its calls', async () => {
  await server.ask('/trpc/vm.stop,containers.start,containers.stop?batch=1', {
    as: 'admin',
    method: 'POST',
    headers: json,
    body: JSON.stringify({ 1: { name: 'nginx' }, 2: {} }),
  });
  expect(lines.map(({ action, target, status }) => [action, target, status]).sort()).toEqual([
    ['containers_start', 'nginx', 200],
    ['containers_stop', undefined, 400],
    ['vm_stop', 'oci-flex', 200],
  ]);
});

test('reads, failed authentication and unknown paths leave none', async () => {
  await server.ask('/vm/status', { as: 'admin' });
  await server.ask('/containers/;/status', { as: 'admin' });
  await server.ask('/trpc/containers.list', { as: 'read' });
  await server.ask('/audit', { as: 'admin' });
  await server.ask('/audit', { as: 'read' });
  await server.ask('/vm/stop', { method: 'POST' });
  await server.ask('/trpc/vm.stop', { method: 'POST' });
  await server.ask('/vm/nope', { as: 'admin', method: 'POST' });
  await server.ask('/trpc/vm.nope,containers.list?batch=1', { as: 'admin', method: 'POST' });
  expect([...lines, ...intents]).toEqual([]);
});

test.each([
  ['the wrong method', '/vm/stop', 405, {}],
  ['the wrong method over tRPC', '/trpc/vm.stop', 405, {}],
  ['a body of no known type', '/trpc/vm.stop', 415, { headers: { 'content-type': 'text/plain' } }],
  ['a body that is too large', '/trpc/vm.stop', 413, { headers: json, body: 'x'.repeat(100_000) }],
  ['JSON that is none', '/trpc/vm.stop', 400, { headers: json, body: '{bad' }],
  [
    'a batch that is too large',
    `/trpc/${Array.from({ length: 51 }, () => 'vm.stop').join(',')}?batch=1`,
    400,
    { headers: json, body: '{}' },
  ],
  [
    'a batch that is too large, its commas escaped',
    `/trpc/${Array.from({ length: 51 }, () => 'vm.stop').join('%252C')}?batch=1`,
    400,
    { headers: json, body: '{}' },
  ],
])('%s leaves its line', async (_what, path, status, init) => {
  const method = 'headers' in init ? 'POST' : 'GET';
  const body = method === 'POST' ? { body: 'x', ...init } : init;
  expect((await server.ask(path, { as: 'admin', method, ...body })).status).toBe(status);
  expect(lines).toMatchObject([
    { sub: 'admin', action: 'vm_stop', target: 'oci-flex', outcome: 'refused', status },
  ]);
  expect(server.actions).toEqual([]);
});

test("our own id of a request stands beside the caller's", async () => {
  const headers = { 'x-request-id': 'mine' };
  for (let times = 0; times < 2; times += 1)
    await server.ask('/vm/stop', { as: 'admin', method: 'POST', headers });
  const ids = [...intents, ...lines].map(({ requestId, serverRequestId }) => {
    expect(requestId).toBe('mine');
    return serverRequestId;
  });
  expect(ids).toEqual([ids[0], ids[1], ids[0], ids[1]]);
  expect(ids[0]).not.toBe(ids[1]);
});

test('a caller that leaves does not take its line along', async () => {
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  let isStarted = false;
  await using slow = await start({
    vm: {
      start: async () => {
        isStarted = true;
        await released;
        return { action: 'START', status: 'initiated', vmId: 'oci-flex' };
      },
    },
  });
  const caller = request(`${slow.url}/vm/start`, {
    agent: false, // fetch would connect again
    method: 'POST',
    headers: { authorization: 'Bearer admin' },
  });
  caller.on('error', () => {}).end();
  await expect.poll(() => isStarted).toBe(true);
  caller.destroy();
  await expect.poll(() => slow.countConnections()).toBe(0);
  expect(lines).toEqual([]);
  release();
  await expect.poll(() => lines.length).toBe(1);
  expect(lines).toMatchObject([{ action: 'vm_start', outcome: 'success', ip: '127.0.0.1' }]);
});

test('what the rate limit refuses leaves none, for it is what bounds the audit', async () => {
  await using limited = await start({}, { rateLimitPerMinute: 2 });
  for (let times = 0; times < 5; times += 1)
    await limited.ask('/vm/stop', { as: 'read', method: 'POST' });
  expect(lines).toHaveLength(2);
});

test('the address is that of X-Forwarded-For only where the proxy is trusted', async () => {
  const headers = { 'x-forwarded-for': '192.0.2.7' };
  await server.ask('/vm/start', { as: 'admin', method: 'POST', headers });
  await using trusting = await start({}, { trustProxy: '127.0.0.1' });
  await trusting.ask('/vm/start', { as: 'admin', method: 'POST', headers });
  expect(lines.map(({ ip }) => ip)).toEqual(['127.0.0.1', '192.0.2.7']);
});
