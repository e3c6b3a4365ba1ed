// The faults of OCI that a test or a user asks for.

import { expect, test } from 'vitest';
import { expectOciError, startOci } from '../testing/oci.test-support.ts';

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
