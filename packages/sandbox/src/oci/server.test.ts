import { createHash, randomUUID, sign } from 'node:crypto';
import { expect, test } from 'vitest';
import { createFaults } from '../faults.ts';
import { createWorld, type WorldOptions } from '../world.ts';
import { type ApiKey, createApiKey } from './api-key.ts';
import { createOci } from './server.ts';

// Slow to make, and read only.
const [key, otherKey] = await Promise.all([createApiKey(), createApiKey()]);

const durations = { startMs: 20, stopMs: 20, softStopMs: 20, bootMs: 20 };

interface Overrides {
  readonly method?: string;
  readonly body?: string;
  /** Sent, and signed where the signature covers them. */
  readonly headers?: Record<string, string>;
  /** Sent in place of the signed value, as a forger on the way would. */
  readonly tampered?: Record<string, string>;
  readonly signedHeaders?: readonly string[];
  readonly keyId?: string;
  readonly key?: ApiKey;
  readonly signal?: AbortSignal;
}

async function startOci(options: WorldOptions & { now?: () => Date } = {}) {
  const world = createWorld({ durations, ...options });
  const faults = createFaults();
  const keyId = `${world.tenancyId}/${world.userId}/${key.fingerprint}`;
  const oci = await createOci({
    world,
    faults,
    credentials: { keyIds: [keyId], publicKey: key.publicKey },
    ...(options.now ? { now: options.now } : {}),
  });

  const call = (path: string, overrides: Overrides = {}): Promise<Response> => {
    const { method = 'GET', body = '', signal } = overrides;
    const url = new URL(`/20160918${path}`, oci.url);
    const isPost = method === 'POST';
    const headers: Record<string, string> = {
      'x-date': new Date().toUTCString(),
      host: url.host,
      ...(isPost
        ? {
            'content-type': 'application/json',
            'content-length': String(Buffer.byteLength(body)),
            'x-content-sha256': createHash('sha256').update(body).digest('base64'),
          }
        : {}),
      ...overrides.headers,
    };
    const names = overrides.signedHeaders ?? [
      'x-date',
      '(request-target)',
      'host',
      ...(isPost ? ['content-type', 'content-length', 'x-content-sha256'] : []),
    ];
    const target = `${method.toLowerCase()} ${url.pathname}${url.search}`;
    const lines = names.map(
      (name) => `${name}: ${name === '(request-target)' ? target : headers[name]}`,
    );
    const pem = (overrides.key ?? key).privatePem;
    const signature = sign('sha256', Buffer.from(lines.join('\n')), pem).toString('base64');
    const { host: _host, 'content-length': _length, ...sent } = headers;
    return fetch(url, {
      method,
      headers: {
        ...sent,
        authorization: `Signature version="1",keyId="${overrides.keyId ?? keyId}",algorithm="rsa-sha256",headers="${names.join(' ')}",signature="${signature}"`,
        ...overrides.tampered,
      },
      ...(isPost ? { body } : {}),
      ...(signal ? { signal } : {}),
    });
  };
  const act = (action: string, overrides: Overrides = {}) =>
    call(`/instances/${world.instance.id}?action=${action}`, { method: 'POST', ...overrides });
  const get = () => call(`/instances/${world.instance.id}`);
  return {
    world,
    faults,
    oci,
    call,
    act,
    get,
    [Symbol.asyncDispose]: () => oci[Symbol.asyncDispose](),
  };
}

async function expectOciError(response: Response, status: number, code: string): Promise<string> {
  const body = await toJson(response);
  expect({ status: response.status, code: body.code }).toEqual({ status, code });
  expect(response.headers.get('opc-request-id')).toMatch(/^.+\/[0-9A-F]{32}\/[0-9A-F]{32}$/);
  expect(Object.keys(body)).toEqual(['code', 'message']);
  return body.message;
}

test('GetInstance answers the instance with its etag to a signed request', async () => {
  await using app = await startOci();
  const response = await app.get();
  expect(response.status).toBe(200);
  expect(response.headers.get('etag')).toMatch(/^[0-9a-f]{64}$/);
  expect(response.headers.get('etag')).toBe(app.world.instance.etag);
  expect(await toJson(response)).toMatchObject({
    id: app.world.instance.id,
    compartmentId: app.world.instance.compartmentId,
    displayName: 'oci-flex',
    lifecycleState: 'RUNNING',
    shape: 'VM.Standard.A1.Flex',
  });
});

test.each<[string, Overrides]>([
  ['no signature', { tampered: { authorization: '' } }],
  ['another scheme', { tampered: { authorization: 'Bearer x' } }],
  ['an unknown key id', { keyId: 'ocid1.tenancy.oc1..a/ocid1.user.oc1..b/00:11' }],
  ['another key', { key: otherKey }],
  ['a date of ten minutes ago', { headers: { 'x-date': minutesFromNow(-10) } }],
  ['a date in ten minutes', { headers: { 'x-date': minutesFromNow(10) } }],
  ['no date that is one', { headers: { 'x-date': 'yesterday' } }],
  ['a date that was not signed', { signedHeaders: ['(request-target)', 'host'] }],
  ['a target that was not signed', { signedHeaders: ['x-date', 'host'] }],
  ['a host that was not signed', { signedHeaders: ['x-date', '(request-target)'] }],
  ['a date changed on the way', { tampered: { 'x-date': minutesFromNow(1) } }],
])('a request with %s is 401 NotAuthenticated', async (_name, overrides) => {
  await using app = await startOci();
  const response = await app.call(`/instances/${app.world.instance.id}`, overrides);
  await expectOciError(response, 401, 'NotAuthenticated');
});

test('an action whose body or content hash was not signed is 401 and changes nothing', async () => {
  await using app = await startOci();
  const unsigned = await app.act('STOP', { signedHeaders: ['x-date', '(request-target)', 'host'] });
  await expectOciError(unsigned, 401, 'NotAuthenticated');
  const otherHash = createHash('sha256').update('other').digest('base64');
  const wrongHash = await app.act('STOP', { headers: { 'x-content-sha256': otherHash } });
  await expectOciError(wrongHash, 401, 'NotAuthenticated');
  expect(app.world.instance.lifecycleState).toBe('RUNNING');
});

test('another instance, vnic or path is 404 NotAuthorizedOrNotFound', async () => {
  await using app = await startOci();
  for (const path of ['/instances/ocid1.instance.oc1..x', '/vnics/ocid1.vnic.oc1..x', '/nothing']) {
    await expectOciError(await app.call(path), 404, 'NotAuthorizedOrNotFound');
  }
});

test.each([
  ['START', 'STOPPED', ['STARTING', 'RUNNING']],
  ['STOP', 'RUNNING', ['STOPPING', 'STOPPED']],
  ['SOFTSTOP', 'RUNNING', ['STOPPING', 'STOPPED']],
  ['RESET', 'RUNNING', ['STOPPING', 'STARTING', 'RUNNING']],
  ['SOFTRESET', 'RUNNING', ['STOPPING', 'STARTING', 'RUNNING']],
] as const)(
  '%s takes a %s instance through %s, each with a new etag',
  async (action, from, path) => {
    await using app = await startOci({ lifecycleState: from });
    const states: string[] = [];
    const etags = new Set([app.world.instance.etag]);
    app.world.onLifecycle(({ to }) => {
      states.push(to);
      etags.add(app.world.instance.etag);
    });
    const response = await app.act(action, { headers: { 'if-match': app.world.instance.etag } });
    expect(response.status).toBe(200);
    expect((await toJson(response)).lifecycleState).toBe(path[0]);
    await expect.poll(() => states).toEqual(path);
    expect(etags.size).toBe(path.length + 1);
  },
);

test('an action with an old etag is 412 NoEtagMatch and changes nothing', async () => {
  await using app = await startOci();
  const { etag } = app.world.instance;
  app.world.touch();
  const response = await app.act('STOP', { headers: { 'if-match': etag } });
  await expectOciError(response, 412, 'NoEtagMatch');
  expect(app.world.instance.lifecycleState).toBe('RUNNING');
});

test('of two actions at once with one etag exactly one wins', async () => {
  await using app = await startOci();
  const headers = { 'if-match': app.world.instance.etag };
  const responses = await Promise.all([
    app.act('STOP', { headers }),
    app.act('RESET', { headers }),
  ]);
  expect(responses.map(({ status }) => status).sort()).toEqual([200, 412]);
});

test('a repeated opc-retry-token gets the first answer and acts once', async () => {
  await using app = await startOci();
  const headers = { 'opc-retry-token': randomUUID(), 'if-match': app.world.instance.etag };
  const first = await app.act('STOP', { headers });
  await expect.poll(() => app.world.instance.lifecycleState).toBe('STOPPED');
  const second = await app.act('STOP', { headers });
  expect(second.status).toBe(200);
  expect(second.headers.get('etag')).toBe(first.headers.get('etag'));
  expect(await toJson(second)).toEqual(await toJson(first));
  expect(app.world.instance.lifecycleState).toBe('STOPPED');
});

test('an opc-retry-token of another action is 409, and one of yesterday is new', async () => {
  let now = Date.now();
  await using app = await startOci({ now: () => new Date(now) });
  const headers = { 'opc-retry-token': randomUUID() };
  expect((await app.act('STOP', { headers })).status).toBe(200);
  const other = await app.act('RESET', { headers });
  await expectOciError(other, 409, 'InvalidatedRetryToken');
  await expect.poll(() => app.world.instance.lifecycleState).toBe('STOPPED');
  now += 25 * 60 * 60_000;
  const late = { 'x-date': new Date(now).toUTCString(), ...headers };
  const repeated = await app.act('STOP', { headers: late });
  await expectOciError(repeated, 409, 'IncorrectState');
});

test.each([
  ['START', 'RUNNING'],
  ['STOP', 'STOPPED'],
  ['SOFTRESET', 'STOPPED'],
  ['RESET', 'STOPPED'],
  ['START', 'STOPPING'],
] as const)('%s on a %s instance is 409 IncorrectState', async (action, lifecycleState) => {
  await using app = await startOci({ lifecycleState });
  await expectOciError(await app.act(action), 409, 'IncorrectState');
  expect(app.world.instance.lifecycleState).toBe(lifecycleState);
});

test('START on a RUNNING instance is 200 where the fault says so', async () => {
  await using app = await startOci();
  app.faults.oci.runningStart = 'ok';
  expect((await app.act('START')).status).toBe(200);
  expect(app.world.instance.lifecycleState).toBe('RUNNING');
});

test('an action during another is 409 Conflict, but STOP cuts a SOFTRESET short', async () => {
  await using app = await startOci({
    durations: { ...durations, softStopMs: 60_000, stopMs: 1000 },
  });
  await app.act('SOFTRESET');
  await expectOciError(await app.act('SOFTSTOP'), 409, 'Conflict');
  expect((await app.act('STOP')).status).toBe(200);
  await expectOciError(await app.act('RESET'), 409, 'Conflict');
  await expect.poll(() => app.world.instance.lifecycleState).toBe('STOPPED');
});

test('STOP and RESET free an instance that is stuck in STARTING or STOPPING', async () => {
  await using app = await startOci();
  app.world.setLifecycleState('STOPPING');
  expect((await app.act('STOP')).status).toBe(200);
  await expect.poll(() => app.world.instance.lifecycleState).toBe('STOPPED');
  app.world.setLifecycleState('STARTING');
  expect((await app.act('RESET')).status).toBe(200);
  await expect.poll(() => app.world.instance.lifecycleState).toBe('RUNNING');
});

test('a state set by hand ends the transition under way', async () => {
  await using app = await startOci({ durations: { ...durations, stopMs: 60_000 } });
  await app.act('STOP');
  app.world.setLifecycleState('STOPPED');
  expect((await app.act('START')).status).toBe(200);
  await expect.poll(() => app.world.instance.lifecycleState).toBe('RUNNING');
});

test('an unknown or missing action is 400', async () => {
  await using app = await startOci();
  await expectOciError(await app.act('EXPLODE'), 400, 'InvalidParameter');
  const path = `/instances/${app.world.instance.id}`;
  await expectOciError(await app.call(path, { method: 'POST' }), 400, 'MissingParameter');
});

test('the public IP is found over the attached VNIC and missing when there is none', async () => {
  await using app = await startOci();
  const { compartmentId, id, vnicId } = app.world.instance;
  const query = `compartmentId=${compartmentId}&instanceId=${id}`;
  const attachments = await toJson(await app.call(`/vnicAttachments?${query}`));
  const attached = attachments.filter(
    (one: { lifecycleState: string }) => one.lifecycleState === 'ATTACHED',
  );
  expect(attached).toHaveLength(1);
  expect(attachments).toHaveLength(2);
  expect(attached[0].vnicId).toBe(vnicId);
  const getVnic = async () => toJson(await app.call(`/vnics/${vnicId}`));
  expect(await getVnic()).toMatchObject({ isPrimary: true, publicIp: '127.0.0.1' });
  app.world.setPublicIp(undefined);
  expect(await getVnic()).not.toHaveProperty('publicIp');
  await expectOciError(await app.call('/vnicAttachments'), 400, 'MissingParameter');
});

test('a console history is captured, succeeds after two looks, is read in parts and deleted', async () => {
  await using app = await startOci();
  app.oci.writeConsole('Kernel panic - not syncing\r\n');
  const body = JSON.stringify({ instanceId: app.world.instance.id });
  const capture = () => app.call('/instanceConsoleHistories', { method: 'POST', body });
  const captured = await toJson(await capture());
  expect(captured.lifecycleState).toBe('REQUESTED');
  const path = `/instanceConsoleHistories/${captured.id}`;
  await expectOciError(await app.call(`${path}/data`), 409, 'IncorrectState');
  const readState = async () => (await toJson(await app.call(path))).lifecycleState;
  expect([await readState(), await readState(), await readState()]).toEqual([
    'GETTING-HISTORY',
    'SUCCEEDED',
    'SUCCEEDED',
  ]);
  const content = await app.call(`${path}/data?offset=0&length=1048576`);
  expect(content.headers.get('content-type')).toBe('text/plain');
  expect(content.headers.get('opc-bytes-remaining')).toBe('0');
  const text = await content.text();
  expect(text).toMatch(/^UEFI firmware[\s\S]+Kernel panic - not syncing\r\n$/);
  const part = await app.call(`${path}/data?offset=5&length=8`);
  expect(await part.text()).toBe(text.slice(5, 13));
  expect(part.headers.get('opc-bytes-remaining')).toBe(String(text.length - 13));
  expect((await app.call(path, { method: 'DELETE' })).status).toBe(204);
  await expectOciError(await app.call(path), 404, 'NotAuthorizedOrNotFound');
});

test('an eleventh console history is 400 LimitExceeded until one is deleted', async () => {
  await using app = await startOci();
  const body = JSON.stringify({ instanceId: app.world.instance.id });
  const capture = () => app.call('/instanceConsoleHistories', { method: 'POST', body });
  const ids: string[] = [];
  for (let count = 0; count < 10; count += 1) ids.push((await toJson(await capture())).id);
  await expectOciError(await capture(), 400, 'LimitExceeded');
  await app.call(`/instanceConsoleHistories/${ids[0]}`, { method: 'DELETE' });
  expect((await capture()).status).toBe(200);
});

test('a console history fails where the fault says so', async () => {
  await using app = await startOci();
  app.faults.oci.consoleHistoryFails = true;
  const body = JSON.stringify({ instanceId: app.world.instance.id });
  const captured = await app.call('/instanceConsoleHistories', { method: 'POST', body });
  const path = `/instanceConsoleHistories/${(await toJson(captured)).id}`;
  await app.call(path);
  expect((await toJson(await app.call(path))).lifecycleState).toBe('FAILED');
});

test.each([
  [400, 'InvalidParameter'],
  [401, 'NotAuthenticated'],
  [404, 'NotAuthorizedOrNotFound'],
  [409, 'Conflict'],
  [412, 'NoEtagMatch'],
  [429, 'TooManyRequests'],
  [500, 'InternalError'],
  [503, 'ServiceUnavailable'],
] as const)(
  'a fault of status %i is answered as %s, with Retry-After where asked',
  async (status, code) => {
    await using app = await startOci();
    Object.assign(app.faults.oci, { status, retryAfterSeconds: 7 });
    const response = await app.get();
    expect(response.headers.get('retry-after')).toBe('7');
    await expectOciError(response, status, code);
    app.faults.reset();
    expect((await app.get()).status).toBe(200);
  },
);

test('a fault is limited to some operations and some times', async () => {
  await using app = await startOci();
  Object.assign(app.faults.oci, {
    status: 503,
    times: 1,
    only: ({ operation }: { operation: string }) => operation === 'GetVnic',
  });
  const getVnic = () => app.call(`/vnics/${app.world.instance.vnicId}`);
  expect((await app.get()).status).toBe(200);
  expect((await getVnic()).status).toBe(503);
  expect((await getVnic()).status).toBe(200);
});

test('no host capacity fails START alone, in the words of Oracle', async () => {
  await using app = await startOci({ lifecycleState: 'STOPPED' });
  Object.assign(app.faults.oci, { outOfCapacity: true, times: 1 });
  expect((await app.get()).status).toBe(200);
  const message = await expectOciError(await app.act('START'), 500, 'InternalError');
  expect(message).toBe('Out of host capacity.');
  expect(app.world.instance.lifecycleState).toBe('STOPPED');
  expect((await app.act('START')).status).toBe(200);
});

test('a hanging request is read, never answered, and ends when the server closes', async () => {
  const app = await startOci();
  app.faults.oci.hangs = true;
  const hanging = app.get();
  hanging.catch(() => undefined); // expected below, after the server closed
  await expect.poll(() => app.oci.requests.length).toBe(1);
  expect(app.oci.requests[0]?.status).toBeUndefined();
  await app.oci[Symbol.asyncDispose]();
  await expect(hanging).rejects.toThrow();
});

test('a lost answer leaves the action done', async () => {
  await using app = await startOci();
  app.faults.oci.losesAnswer = true;
  await expect(app.act('STOP')).rejects.toThrow();
  await expect.poll(() => app.world.instance.lifecycleState).toBe('STOPPED');
});

test('resets and foreign HTML are what the caller gets when asked for', async () => {
  await using app = await startOci();
  app.faults.oci.resets = true;
  await expect(app.get()).rejects.toThrow();
  app.faults.reset();
  app.faults.oci.html = '<h1>Log in to the Wi-Fi</h1>';
  expect(await (await app.get()).text()).toContain('Wi-Fi');
});

test('requests are counted by operation, refused ones included', async () => {
  await using app = await startOci();
  await app.get();
  await app.act('STOP', { headers: { 'if-match': 'old' } });
  await app.call('/nothing');
  expect(app.oci.requests.map(({ operation, status }) => [operation, status])).toEqual([
    ['GetInstance', 200],
    ['InstanceAction', 412],
    ['Unknown', 404],
  ]);
  expect(app.oci.requests[1]).toMatchObject({ action: 'STOP', ifMatch: 'old', method: 'POST' });
  expect(app.oci.count('GetInstance')).toBe(1);
  app.oci.clear();
  expect(app.oci.requests).toEqual([]);
});

function minutesFromNow(minutes: number): string {
  return new Date(Date.now() + minutes * 60_000).toUTCString();
}

async function toJson(response: Response) {
  return JSON.parse(await response.text());
}
