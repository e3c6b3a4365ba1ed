// What people are shown as `error`, through the whole product: each thing that can be in the way by its own name.

import { afterEach, beforeAll, expect, test } from 'vitest';
import { openSuite } from '../support/disposer.ts';
import { expectApiError } from '../support/expect-api-error.ts';
import { type App, startAppHere } from '../support/start-sandbox-and-api.ts';
import { until } from '../support/until.ts';
import { report } from './reports.ts';

let app: App;
beforeAll(() =>
  openSuite(async (opened) => {
    app = opened.use(await startAppHere({ env: { OCI_TIMEOUT_SECONDS: '5' } }));
  }),
);
// Those that need the VM itself come first: the others take it away, and it is left alone.
afterEach(() => {
  app.sandbox.faults.reset();
  app.sandbox.world.setLifecycleState('RUNNING');
});

test.each([
  ['/nope', 'Path not found'],
  ['/jobs/00000000000000000000', 'Job not found'],
  ['/containers/ngnix/status', 'Container not found'],
  ['/containers/ngnix/logs', 'Container not found'],
])(report(13, 'GET %s is 404 "%s"'), async (path, error) => {
  await expectApiError(await app.get(path), 'NOT_FOUND', error);
});

test(report(13, 'a Docker that does not run is said as that'), async () => {
  app.sandbox.faults.docker.socketMissing = true;
  app.sandbox.faults.docker.dialStdioFails = true;
  await until('the old channels are gone', async () => !(await app.get('/containers')).ok);
  await expectApiError(await app.get('/containers'), 'SERVICE_UNAVAILABLE', 'Docker not reachable');
});

test(report(13, 'OCI out of reach is said as that'), async () => {
  app.sandbox.faults.oci.resets = true;
  await expectApiError(await app.get('/vm/status'), 'SERVICE_UNAVAILABLE', 'OCI not reachable');
});

test(report(13, 'a dead issuer is said as that'), async () => {
  await using other = await startAppHere();
  other.sandbox.faults.oidc.status = 500;
  const response = await other.get('/vm/status');
  await expectApiError(response, 'SERVICE_UNAVAILABLE', 'Token issuer not reachable');
});

test.each([
  ['STARTING', 'VM is starting'],
  ['STOPPING', 'VM is stopping'],
  ['MOVING', 'VM in transition'],
  ['PROVISIONING', 'VM is being created'],
  ['CREATING_IMAGE', 'VM image is being made'],
  ['TERMINATING', 'VM is being deleted'],
  ['TERMINATED', 'VM was deleted'],
] as const)(
  report(13, 'every power action on a VM that is %s is 409 "%s"'),
  async (state, text) => {
    app.sandbox.world.setLifecycleState(state);
    for (const verb of ['start', 'stop', 'reboot', 'reset']) {
      const { details, message } = await expectApiError(
        await app.post(`/vm/${verb}`),
        'CONFLICT',
        text,
      );
      expect(details.lifecycleState).toBe(state);
      expect(message).not.toMatch(/already/);
    }
  },
);

test(
  report(
    13,
    'a START of a VM that runs, and a STOP of one that is stopped, have the text of the reference',
  ),
  async () => {
    await expectApiError(await app.post('/vm/start'), 'CONFLICT', 'VM already running/stopped');
    app.sandbox.world.setLifecycleState('STOPPED');
    await expectApiError(await app.post('/vm/stop'), 'CONFLICT', 'VM already running/stopped');
    await expectApiError(await app.get('/containers'), 'SERVICE_UNAVAILABLE', 'VM not running');
  },
);

test.each([
  [400, 'LimitExceeded', 'OCI limit reached'],
  [402, 'SubscriptionRequired', 'OCI account not in order'],
  [403, 'NotAllowed', 'OCI account not in order'],
  [501, 'MethodNotImplemented', 'OCI endpoint not supported'],
] as const)(
  report(13, 'a START that OCI refuses with %i %s is said to be refused, and why'),
  async (status, code, text) => {
    app.sandbox.world.setLifecycleState('STOPPED');
    Object.assign(app.sandbox.faults.oci, {
      status,
      code,
      only: ({ operation }: { operation: string }) => operation === 'InstanceAction',
    });
    const { details, message } = await expectApiError(
      await app.post('/vm/start'),
      'INTERNAL_ERROR',
      text,
    );
    expect(details).toMatchObject({ ociCode: code });
    expect(details.outcome).toBeUndefined();
    expect(message).not.toMatch(/OCI_INSTANCE_ID|Words of OCI/);
  },
);

test(report(13, 'an endpoint without ETags is told as one that cannot be guarded'), async () => {
  app.sandbox.faults.oci.withoutEtag = true;
  const { message } = await expectApiError(
    await app.post('/vm/stop'),
    'INTERNAL_ERROR',
    'OCI endpoint not supported',
  );
  expect(message).toMatch(/ETag/);
  expect(message).not.toMatch(/try again/);
});

test.each([
  ['refused', 'ListVnicAttachments', { status: 404 }],
  ['refused', 'GetVnic', { status: 404 }],
  ['not answered', 'GetVnic', { hangs: true }],
] as const)(
  report(
    10,
    'a network card that is %s at %s leaves the state as it is, without an address, and a warning in the log',
  ),
  async (_, operation, fault) => {
    await until('an address', async () => 'ip' in (await app.getJson<object>('/vm/status')));
    const seen = app.server.output().length;
    Object.assign(app.sandbox.faults.oci, {
      ...fault,
      only: (subject: { operation: string }) => subject.operation === operation,
    });
    app.sandbox.world.touch(); // of an instance that has not changed the address that is known stands for a minute
    const state = await app.getJson<Record<string, unknown>>('/vm/status');
    expect(state).toMatchObject({ lifecycleState: 'RUNNING' });
    expect(state).not.toHaveProperty('ip');
    await until('the warning', () => /"level":40.*address/.test(app.server.output().slice(seen)));
    expect(await app.postJson('/vm/stop')).toMatchObject({ action: 'STOP' });
  },
);
