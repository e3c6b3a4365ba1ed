import type { VmReady, WakeRequest } from '@ondemand/core';
import { AppError } from '@ondemand/core';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { AuditEntry } from '../audit/entry.ts';
import { createAuditTrail } from '../audit/trail.ts';
import {
  expectApiError,
  readJson,
  ready,
  startTestServer,
  type TestServer,
} from '../testing/test-server.test-support.ts';

const waking: VmReady = {
  ...ready,
  ready: false,
  phase: 'waking',
  vm: { lifecycleState: 'STARTING' },
  ssh: { ok: false, reason: 'oci-flex is STARTING' },
  docker: { ok: false },
};

type Waking = VmReady | AppError | ((signal: AbortSignal) => Promise<VmReady>);

/** How a wake ends. */
let answer: Waking = ready;
const asked: WakeRequest[] = [];
const lines: AuditEntry[] = [];
let server: TestServer;
beforeAll(async () => {
  const give = async (request: WakeRequest) => {
    const { signal = new AbortController().signal, ...rest } = request;
    asked.push(rest);
    if (typeof answer === 'function') return answer(signal);
    if (answer instanceof AppError) throw answer;
    return answer;
  };
  server = await startTestServer(
    {
      readiness: {
        check: async () => waking,
        async watch() {
          return (async function* () {
            yield waking;
            yield ready;
          })();
        },
      },
      waker: {
        wake: give,
        ensureAwake: async ({ waitMs, signal }) => {
          await give({ waitMs, signal, by: { sub: '', clientId: '' } });
        },
      },
    },
    { audit: createAuditTrail({ log: (line) => void lines.push(line), logFailure() {} }) },
  );
});
afterAll(() => server[Symbol.asyncDispose]());
beforeEach(() => {
  answer = ready;
  asked.length = 0;
  lines.length = 0;
  server.actions.length = 0;
});

const json = { 'content-type': 'application/json' };

test.each(['read', 'wake', 'admin'] as const)(
  'GET /vm/ready is a 200 whatever it says, for %s',
  async (as) => {
    const response = await server.ask('/vm/ready', { as });
    expect(response.status).toBe(200);
    expect(response.headers.has('location')).toBe(false);
    expect(await readJson(response)).toEqual(waking);
  },
);

describe('POST /vm/wake', () => {
  test('needs no body, and answers as GET /vm/ready does', async () => {
    const response = await server.ask('/vm/wake', { as: 'wake', method: 'POST' });
    expect(response.status).toBe(200);
    expect(await readJson(response)).toEqual(ready);
    expect(asked).toEqual([{ by: { sub: 'wake', clientId: 'test' } }]);
    expect(lines).toMatchObject([
      { action: 'vm_wake', target: 'oci-flex', outcome: 'intent' },
      { action: 'vm_wake', outcome: 'success', status: 200 },
    ]);
  });

  test('passes on how long, and for what', async () => {
    await server.ask('/vm/wake', {
      as: 'wake',
      method: 'POST',
      headers: json,
      body: '{"minutes":90,"reason":"a film","waitSeconds":20}',
    });
    expect(asked).toMatchObject([{ minutes: 90, reason: 'a film', waitMs: 20_000 }]);
  });

  test.each([
    ['respond-async', 0],
    ['wait=30', 30_000],
    ['respond-async, wait=5', 5000],
  ])('with Prefer: %s is a 202 that leads to where it can be watched', async (prefer, waitMs) => {
    answer = waking;
    const response = await server.ask('/vm/wake', {
      as: 'wake',
      method: 'POST',
      headers: { prefer },
    });
    expect(response.status).toBe(202);
    expect(response.headers.get('location')).toBe('/vm/ready');
    expect(response.headers.get('preference-applied')).toBe(prefer);
    expect(asked).toMatchObject([{ waitMs }]);
    expect(lines.at(-1)).toMatchObject({ outcome: 'success', status: 202 });
  });

  test('out of capacity says so and when to ask again', async () => {
    answer = new AppError('SERVICE_UNAVAILABLE', 'OCI is out of capacity: it has no free host', {
      text: 'OCI out of capacity',
      details: { reason: 'OUT_OF_CAPACITY', retryAfterSeconds: 300 },
    });
    const response = await server.ask('/vm/wake', { as: 'wake', method: 'POST' });
    expect(response.headers.get('retry-after')).toBe('300');
    const { details } = await expectApiError(
      response,
      'SERVICE_UNAVAILABLE',
      'OCI out of capacity',
    );
    expect(details.reason).toBe('OUT_OF_CAPACITY');
    expect(lines.at(-1)).toMatchObject({ outcome: 'failed', status: 503 });
  });

  test.each([
    ['"120"', 'minutes'],
    ['0', 'minutes'],
    ['1441', 'minutes'],
    ['1.5', 'minutes'],
    ['null', 'minutes'],
  ])('minutes: %s is refused', async (value, path) => {
    const response = await server.ask('/vm/wake', {
      as: 'wake',
      method: 'POST',
      headers: json,
      body: `{"minutes":${value}}`,
    });
    const { details } = await expectApiError(response, 'BAD_REQUEST');
    expect(details.issues).toMatchObject([{ path }]);
    expect(asked).toEqual([]);
  });

  test('reading does not imply it', async () => {
    const response = await server.ask('/vm/wake', { as: 'read', method: 'POST' });
    expect(response.headers.get('www-authenticate')).toContain('scope="wake"');
    await expectApiError(response, 'FORBIDDEN');
  });
});

describe('a container action that wakes the VM first', () => {
  test.each(['start', 'restart', 'rebuild'])('%s wakes, then acts', async (verb) => {
    const response = await server.ask(`/containers/nginx/${verb}`, {
      as: 'admin',
      method: 'POST',
      headers: { ...json, prefer: 'wait=30' },
      body: '{"wake":true}',
    });
    expect(response.status).toBe(200);
    expect(asked).toMatchObject([{ waitMs: 30_000 }]);
    expect(server.actions).toEqual([`${verb} nginx`]);
    expect(lines.map(({ action, outcome }) => [action, outcome])).toEqual([
      [`containers_${verb}`, 'intent'],
      [`containers_${verb}`, 'success'],
    ]);
  });

  test.each(['start', 'restart', 'rebuild'])(
    '%s is not begun unless the VM is ready',
    async (verb) => {
      answer = new AppError('SERVICE_UNAVAILABLE', 'not ready', { text: 'VM is starting' });
      const response = await server.ask(`/containers/nginx/${verb}`, {
        as: 'admin',
        method: 'POST',
        headers: json,
        body: '{"wake":true}',
      });
      await expectApiError(response, 'SERVICE_UNAVAILABLE', 'VM is starting');
      expect(server.actions).toEqual([]);
    },
  );

  test.each(['start', 'restart'])(
    '%s has no early answer, so respond-async is not applied',
    async (verb) => {
      const response = await server.ask(`/containers/nginx/${verb}`, {
        as: 'admin',
        method: 'POST',
        headers: { ...json, prefer: 'respond-async' },
        body: '{"wake":true}',
      });
      expect(response.status).toBe(200);
      expect(response.headers.has('preference-applied')).toBe(false);
      expect(asked).toMatchObject([{ waitMs: undefined }]);
    },
  );

  test('is not begun for a caller who has left, and the audit says so', async () => {
    answer = (signal) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    const leaving = new AbortController();
    const leavingCall = server.ask('/containers/nginx/start', {
      as: 'admin',
      method: 'POST',
      headers: json,
      body: '{"wake":true}',
      signal: leaving.signal,
    });
    await expect.poll(() => asked).toHaveLength(1);
    leaving.abort();
    await expect(leavingCall).rejects.toThrow();
    await expect
      .poll(() => lines.map(({ outcome, status }) => [outcome, status]))
      .toEqual([
        ['intent', undefined],
        ['failed', 503],
      ]);
    expect(server.actions).toEqual([]);
  });

  test.each([
    ['start', '{"wake":false}'],
    ['restart', '{}'],
  ])('%s with %s does not wake', async (verb, body) => {
    await server.ask(`/containers/nginx/${verb}`, {
      as: 'admin',
      method: 'POST',
      headers: json,
      body,
    });
    expect(asked).toEqual([]);
    expect(server.actions).toEqual([`${verb} nginx`]);
  });

  test('stop does not know it', async () => {
    const response = await server.ask('/containers/nginx/stop', {
      as: 'admin',
      method: 'POST',
      headers: json,
      body: '{"wake":true}',
    });
    await expectApiError(response, 'BAD_REQUEST');
  });
});

test('the stream gives what there is as server-sent events, and ends', async () => {
  const response = await server.ask('/vm/ready/stream', { as: 'wake' });
  expect(response.headers.get('content-type')).toContain('text/event-stream');
  const text = await response.text();
  expect(text.match(/^data: .*$/gm)?.slice(1)).toEqual([
    `data: ${JSON.stringify(waking)}`,
    `data: ${JSON.stringify(ready)}`,
    'data: {}',
  ]);
  expect(text).toContain('event: end');
});

test('the console is one text, for admins alone', async () => {
  const bare = await server.ask('/vm/console?lines=5', {
    as: 'admin',
    headers: { accept: 'text/plain' },
  });
  expect(await bare.text()).toBe('login:\n');
  const whole = await server.ask('/vm/console', { as: 'admin' });
  expect(await readJson(whole)).toEqual({ capturedAt: ready.checkedAt, logs: 'login:\n' });
  await expectApiError(await server.ask('/vm/console', { as: 'read' }), 'FORBIDDEN');
  await expectApiError(await server.ask('/vm/console?lines=0', { as: 'admin' }), 'BAD_REQUEST');
});

test('the address is for admins alone', async () => {
  expect(await readJson(await server.ask('/vm/address', { as: 'admin' }))).toMatchObject({
    host: '203.0.113.7',
    hostKeys: [expect.stringMatching(/^ssh-ed25519 /)],
  });
  await expectApiError(await server.ask('/vm/address', { as: 'wake' }), 'FORBIDDEN');
});
