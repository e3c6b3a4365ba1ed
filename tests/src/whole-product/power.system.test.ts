// The VM's power through the whole product: what is allowed when, who wins, and what is told when OCI fails.

import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openSuite } from '../support/disposer.ts';
import { type ApiErrorCode, expectApiError } from '../support/expect-api-error.ts';
import { startServerHere } from '../support/start-api-in-this-process.ts';
import { type App, createCaller, startAppHere } from '../support/start-sandbox-and-api.ts';
import { until } from '../support/until.ts';

interface VmState {
  readonly vmId: string;
  readonly lifecycleState: string;
  readonly ip?: string;
  readonly lastCheck: string;
}

let app: App;
beforeAll(() =>
  openSuite(async (opened) => {
    app = opened.use(await startAppHere());
    // On a busy machine the first read may go without it: the SDK is loaded for it.
    await until('an address', async () => 'ip' in (await app.getJson<object>('/vm/status')));
  }),
);
afterEach(async () => {
  app.sandbox.faults.reset();
  Object.assign(app.sandbox.world.durations, {
    startMs: 50,
    stopMs: 50,
    softStopMs: 50,
    bootMs: 0,
  });
  const { lifecycleState } = app.sandbox.world.instance;
  if (lifecycleState !== 'RUNNING') app.sandbox.world.setLifecycleState('RUNNING');
  await until('the containers answer again', async () => (await app.get('/containers')).ok);
});

const state = () => app.getJson<VmState>('/vm/status');
const untilState = (wanted: string) =>
  until(`the VM is ${wanted}`, async () => (await state()).lifecycleState === wanted);

test('status tells what OCI says, and when it was asked', async () => {
  const before = Date.now();
  const { lastCheck, ...rest } = await state();
  expect(rest).toEqual({
    vmId: 'oci-flex',
    lifecycleState: 'RUNNING',
    displayName: 'oci-flex',
    ip: '127.0.0.1',
  });
  expect(Date.parse(lastCheck)).toBeGreaterThanOrEqual(before);
  expect(Date.parse(lastCheck)).toBeLessThanOrEqual(Date.now());
});

test.each([
  ['stop', 'STOP', 'STOPPED'],
  ['reboot', 'SOFTRESET', 'RUNNING'],
  ['reset', 'RESET', 'RUNNING'],
])('%s sends %s, with the ETag of the state it was judged by', async (verb, action, end) => {
  Object.assign(app.sandbox.world.durations, { stopMs: 1000, softStopMs: 1000 });
  app.sandbox.oci.clear();
  const { etag } = app.sandbox.world.instance;
  expect(await app.postJson(`/vm/${verb}`)).toEqual({
    action,
    status: 'initiated',
    vmId: 'oci-flex',
  });
  expect((await state()).lifecycleState).toBe('STOPPING'); // an action is visible to the next read
  const [sent, ...more] = app.sandbox.oci.requests.filter(({ action: name }) => name !== undefined);
  expect(more).toEqual([]);
  expect(sent).toMatchObject({ action, ifMatch: etag, status: 200 });
  await untilState(end);
});

test('a soft stop sends SOFTSTOP', async () => {
  Object.assign(app.sandbox.world.durations, { softStopMs: 1000 });
  const stopped = await app.post('/vm/stop', {
    headers: { 'content-type': 'application/json' },
    body: '{"soft":true}',
  });
  expect(await stopped.json()).toMatchObject({ action: 'SOFTSTOP', status: 'initiated' });
  await untilState('STOPPED');
});

test('start is refused unless the VM is STOPPED, and nothing is sent', async () => {
  app.sandbox.oci.clear();
  const { message, details } = await expectApiError(await app.post('/vm/start'), 'CONFLICT');
  expect(message).toMatch(/^VM already running/);
  expect(details.lifecycleState).toBe('RUNNING');
  expect(app.sandbox.oci.count('InstanceAction')).toBe(0);
});

test.each(['stop', 'reboot', 'reset'])('%s is refused of a VM that is STOPPED', async (verb) => {
  app.sandbox.world.setLifecycleState('STOPPED');
  const { message, details } = await expectApiError(await app.post(`/vm/${verb}`), 'CONFLICT');
  expect(message).toMatch(/^VM already stopped/);
  expect(details.lifecycleState).toBe('STOPPED');
});

test('of ten stops at once exactly one wins', async () => {
  const answers = await Promise.all(Array.from({ length: 10 }, () => app.post('/vm/stop')));
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
  for (const answer of answers.filter(({ status }) => status !== 200))
    await expectApiError(answer, 'CONFLICT');
  await untilState('STOPPED');
});

test('a VM whose SSH is dead can be reset', async () => {
  app.sandbox.faults.ssh.mode = 'freeze';
  expect(await app.postJson('/vm/reset')).toMatchObject({ action: 'RESET', status: 'initiated' });
});

test('a VM that is STOPPED answers 503 at once, with its state', async () => {
  await app.postJson('/vm/stop');
  await untilState('STOPPED');
  for (const path of ['/containers', '/vm/address']) {
    const response = await app.request('GET', path, { token: 'admin' });
    const { details } = await expectApiError(response, 'SERVICE_UNAVAILABLE');
    expect(details.lifecycleState).toBe('STOPPED');
  }
  await expectApiError(await app.post('/containers/nginx/restart'), 'SERVICE_UNAVAILABLE');
});

test('after a stop and a start with a new address, containers answer from there', async () => {
  await app.postJson('/vm/stop');
  await untilState('STOPPED');
  app.sandbox.world.setPublicIp('127.0.0.2');
  try {
    await app.postJson('/vm/start');
    await until('the containers answer', async () => (await app.get('/containers')).ok);
    expect((await state()).ip).toBe('127.0.0.2');
  } finally {
    app.sandbox.world.setPublicIp('127.0.0.1');
    app.sandbox.world.setLifecycleState('STOPPED');
  }
});

test('a VM without a public address has no ip', async () => {
  app.sandbox.world.setPublicIp(undefined);
  try {
    expect(await state()).not.toHaveProperty('ip');
  } finally {
    app.sandbox.world.setPublicIp('127.0.0.1');
  }
});

describe('when OCI fails', () => {
  test.each([
    ['401', { status: 401 }, 'INTERNAL_ERROR'],
    ['404', { status: 404 }, 'INTERNAL_ERROR'],
    ['429', { status: 429, retryAfterSeconds: 200 }, 'SERVICE_UNAVAILABLE'], // longer than OCI is tried for
    ['500', { status: 500 }, 'SERVICE_UNAVAILABLE'],
    ['503', { status: 503 }, 'SERVICE_UNAVAILABLE'],
    ['a reset connection', { resets: true }, 'SERVICE_UNAVAILABLE'],
    ['a captive portal', { html: '<html>' }, 'SERVICE_UNAVAILABLE'],
  ] as const)('%s', async (_, fault, code) => {
    Object.assign(app.sandbox.faults.oci, fault);
    const response = await app.get('/vm/status');
    if ('retryAfterSeconds' in fault) expect(response.headers.get('retry-after')).toBe('200');
    await expectApiError(response, code);
    await expectStopToFail(app, code);
  });

  test('a silent server', async () => {
    await using server = await startServerHere({ ...app.sandbox.env, OCI_TIMEOUT_SECONDS: '1' });
    const caller = createCaller(server.url, app.tokens);
    app.sandbox.faults.oci.hangs = true;
    await expectApiError(await caller.get('/vm/status'), 'SERVICE_UNAVAILABLE');
    await expectStopToFail(caller, 'SERVICE_UNAVAILABLE');
  });

  async function expectStopToFail(caller: Pick<App, 'post'>, code: ApiErrorCode) {
    const before = app.sandbox.world.instance.etag;
    await expectApiError(await caller.post('/vm/stop'), code);
    expect(app.sandbox.world.instance.etag).toBe(before);
  }

  test('a passing fault of a read is not noticed', async () => {
    Object.assign(app.sandbox.faults.oci, { status: 500, times: 1 });
    expect((await state()).lifecycleState).toBe('RUNNING');
  });

  test('no capacity is told in plain words', async () => {
    app.sandbox.world.setLifecycleState('STOPPED');
    app.sandbox.faults.oci.outOfCapacity = true;
    const { message, details } = await expectApiError(
      await app.post('/vm/start'),
      'SERVICE_UNAVAILABLE',
    );
    expect(details.reason).toBe('OUT_OF_CAPACITY');
    expect(message).toMatch(/capacity/);
  });

  test('a lost answer to an action is looked up: success is proven, else it is called unknown', async () => {
    Object.assign(app.sandbox.faults.oci, {
      losesAnswer: true,
      only: ({ operation }: { operation: string }) => operation === 'InstanceAction',
    });
    expect(await app.postJson('/vm/stop')).toMatchObject({ action: 'STOP' });
    await untilState('STOPPED');
    app.sandbox.world.setLifecycleState('RUNNING');
    const { message } = await expectApiError(await app.post('/vm/reset'), 'SERVICE_UNAVAILABLE');
    expect(message).toMatch(/unknown/);
  });

  test('containers go on being answered over SSH', async () => {
    await app.getJson('/containers');
    app.sandbox.faults.oci.status = 500;
    expect((await app.get('/containers')).status).toBe(200);
  });
});

describe('waking', () => {
  const json = { 'content-type': 'application/json' };
  const starts = () =>
    app.sandbox.oci.requests.filter(({ operation }) => operation === 'InstanceAction').length;
  const stopVm = () => {
    app.sandbox.world.setLifecycleState('STOPPED');
    app.sandbox.oci.clear();
  };

  test('three at once, with the scope wake, make one START and hear when it is ready', async () => {
    stopVm();
    const token = await app.sandbox.tokens.wake();
    const answers = await Promise.all([1, 2, 3].map(() => app.post('/vm/wake', { token })));
    for (const answer of answers) {
      expect(answer.status).toBe(200);
      expect(await answer.json()).toMatchObject({ ready: true, phase: 'on' });
    }
    expect(starts()).toBe(1);
    expect((await app.get('/containers', { token })).status).toBe(403);
  });

  test('who does not wait gets 202, and watches it become ready', async () => {
    stopVm();
    Object.assign(app.sandbox.world.durations, { startMs: 1000 });
    const answer = await app.post('/vm/wake', { headers: { prefer: 'respond-async' } });
    expect(answer.status).toBe(202);
    expect(answer.headers.get('location')).toBe('/vm/ready');
    expect(await answer.json()).toMatchObject({ ready: false, phase: 'waking' });
    const stream = await (await app.get('/vm/ready/stream')).text();
    expect(stream).toContain('"lifecycleState":"STARTING"');
    expect(stream).toMatch(/data: \{"ready":true,"phase":"on".*\n\nevent: end\n/);
  });

  test('a VM that is STOPPING is waited for; a lease is taken, and a container started, once it is ready', async () => {
    app.sandbox.oci.clear();
    await app.post('/vm/stop', { headers: json, body: '{"soft":true}' });
    const [woken, started] = await Promise.all([
      app.post('/vm/wake', { headers: json, body: '{"minutes":5,"reason":"a test"}' }),
      app.post('/containers/nginx/start', { headers: json, body: '{"wake":true}' }),
    ]);
    expect(await woken.json()).toMatchObject({ ready: true, lease: { reason: 'a test' } });
    expect(await started.json()).toMatchObject({ container: 'nginx', status: 'success' });
    expect(starts()).toBe(2); // the stop, and one START
  });

  test('out of capacity is a 503 with its reason, and who waits has it tried again', async () => {
    stopVm();
    app.sandbox.faults.oci.outOfCapacity = true;
    const refused = await app.post('/vm/wake', { headers: { prefer: 'wait=0' } }); // until OCI has answered
    expect(refused.headers.get('retry-after')).toMatch(/^\d+$/);
    const { details } = await expectApiError(refused, 'SERVICE_UNAVAILABLE', 'OCI out of capacity');
    expect(details.reason).toBe('OUT_OF_CAPACITY');
    const waiting = app.post('/vm/wake', { headers: { prefer: 'wait=60' } });
    await until('the wait tells when it tries next', async () => {
      const { nextStart } = await app.getJson<{ nextStart?: object }>('/vm/ready');
      return nextStart !== undefined;
    });
    app.sandbox.faults.reset();
    expect(await (await waiting).json()).toMatchObject({ ready: true });
  });

  test('a VM that shut down inside is told by its console; captures are deleted, and the address has its host key', async () => {
    const address = await app.get('/vm/address', { token: 'admin' });
    expect(await address.json()).toMatchObject({
      host: '127.0.0.1',
      user: 'opc',
      hostKeys: [expect.stringMatching(/^ssh-ed25519 AAAA[\w+/]+=*$/)],
    });
    await app.sandbox.shutDownInside();
    app.sandbox.oci.clear();
    try {
      const ready = await app.getJson<object>('/vm/ready');
      expect(ready).toMatchObject({
        ready: false,
        phase: 'unreachable',
        vm: { lifecycleState: 'RUNNING' },
      });
      const console = await app.get('/vm/console?lines=1', {
        token: 'admin',
        headers: { accept: 'text/plain' },
      });
      expect(await console.text()).toBe('[  912.345678] reboot: Power down\n');
      await until(
        'the capture is deleted',
        async () => app.sandbox.oci.count('DeleteConsoleHistory') === 1,
      );
    } finally {
      app.sandbox.world.setLifecycleState('STOPPED'); // it boots again after this
    }
  });
});
