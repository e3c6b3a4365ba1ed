// OCI's endpoint: signatures, ETags, retry tokens, transitions and addresses, as the real one has them.

import { createHash, randomUUID } from 'node:crypto';
import { expect, onTestFinished, test, vi } from 'vitest';
import {
  durations,
  expectOciError,
  minutesFromNow,
  type Overrides,
  otherKey,
  startOci,
  toJson,
} from '../testing/oci.test-support.ts';

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
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  await using app = await startOci({ durations: { ...durations, softStopMs: 60_000 } });
  await app.act('SOFTRESET');
  await expectOciError(await app.act('SOFTSTOP'), 409, 'Conflict');
  expect((await app.act('STOP')).status).toBe(200);
  await expectOciError(await app.act('RESET'), 409, 'Conflict');
  vi.advanceTimersByTime(durations.stopMs);
  expect(app.world.instance.lifecycleState).toBe('STOPPED');
  vi.advanceTimersByTime(60_000);
  expect(app.world.instance.lifecycleState).toBe('STOPPED');
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
