// What the one error of all calls holds: all that the API said, the way to the caller, and never the token.

import { describe, expect, test } from 'vitest';
import { createClient } from './client.ts';
import { isApiError, OnDemandError, statusOfCode } from './errors.ts';
import {
  type Behaviour,
  type CannedError,
  failure,
  startCannedApi,
} from './testing/canned-api.test-support.ts';
import { expectRejection, rejectionOf } from './testing/rejection.test-support.ts';

describe('an error of the API', () => {
  test.each(Object.entries(statusOfCode))('%s arrives whole', async (code, status) => {
    const details = { requestId: 'r-1', name: 'ngnix', issues: [{ path: 'name' }] };
    const message = "No container named 'ngnix' on oci-flex";
    await using api = await startCannedApi(() => failure(status, { code, message, details }));
    const query = createClient({ url: api.url }).containers.status.query({ name: 'ngnix' });
    const error = await rejectionOf(query);
    expect(error).toMatchObject({ code, status, message, details, requestId: 'r-1' });
    expect(error.cause).toBeUndefined();
  });

  test('is the same from a mutation, and says nothing of an unknown outcome', async () => {
    const message = 'VM already running';
    await using api = await startCannedApi(() => failure(409, { code: 'CONFLICT', message }));
    await expectRejection(createClient({ url: api.url }).vm.start.mutate(), {
      code: 'CONFLICT',
      status: 409,
      message: /^VM already running$/,
    });
  });

  test('is understood without the envelope of tRPC too, as REST and a gateway send it', async () => {
    const body = {
      error: 'Too many requests',
      code: 'TOO_MANY_REQUESTS',
      message: 'Wait 3 s',
      details: { requestId: 'r-2' },
    } satisfies CannedError;
    await using api = await startCannedApi(() => ({ status: 429, body }));
    await expectRejection(createClient({ url: api.url }).vm.status.query(), {
      code: 'TOO_MANY_REQUESTS',
      status: 429,
      message: /^Wait 3 s$/,
      details: { requestId: 'r-2' },
      requestId: 'r-2',
    });
  });

  test('has the request id of the header, where the API could not know it in the body', async () => {
    await using api = await startCannedApi(() => ({
      ...failure(400, { code: 'BAD_REQUEST', message: 'no', details: { requestId: 'unknown' } }),
      headers: { 'x-request-id': 'r-3' },
    }));
    const error = await rejectionOf(createClient({ url: api.url }).vm.status.query());
    expect(error.requestId).toBe('r-3');
  });

  test.each([
    [409, 'CONFLICT'],
    [418, 'BAD_REQUEST'],
    [507, 'INTERNAL_ERROR'],
  ])('of a newer API, with a code unknown here and status %i, becomes %s', async (status, code) => {
    await using api = await startCannedApi(() =>
      failure(status, { code: 'NEVER_SEEN', message: 'It says so' }),
    );
    const error = await rejectionOf(createClient({ url: api.url }).vm.status.query());
    expect(error).toMatchObject({ code, status, message: 'It says so' });
  });
});

test('an error written as JSON says what failed', () => {
  const details = { requestId: 'r-1', name: 'ngnix' };
  const options = { status: 404, details, requestId: 'r-1', cause: new Error('hidden') };
  const error = new OnDemandError('NOT_FOUND', 'No such container', options);
  expect(JSON.parse(JSON.stringify({ error }))).toEqual({
    error: {
      name: 'OnDemandError',
      code: 'NOT_FOUND',
      status: 404,
      message: 'No such container',
      details,
      requestId: 'r-1',
    },
  });
});

test('no failure holds the token, however it is printed', async () => {
  const token = 's3cret-t0ken';
  for (const behaviour of [{ status: 502 }, { body: 'x' }, 'reset', { status: 302 }] as const) {
    await using api = await startCannedApi(() => behaviour);
    const error = await rejectionOf(createClient({ url: api.url, token }).vm.start.mutate());
    expect(JSON.stringify(error) + error.message + error.stack + String(error.cause)).not.toContain(
      token,
    );
  }
});

test.each<[string, Behaviour]>([
  ['an error of the API', failure(404, { code: 'NOT_FOUND', message: 'no' })],
  ['a cut connection', 'reset'],
  ['a timeout', 'hang'],
])('the stack leads to the caller after %s', async (_what, behaviour) => {
  await using api = await startCannedApi(() => behaviour);
  const client = createClient({ url: api.url, timeoutMs: 200 });
  async function callerByName() {
    await client.vm.status.query();
  }
  expect((await rejectionOf(callerByName())).stack).toContain('callerByName');
});

describe('isApiError()', () => {
  const error = new OnDemandError('NOT_FOUND', 'no');

  test.each([
    ['an OnDemandError', error, undefined, true],
    ['one with that code', error, 'NOT_FOUND', true],
    ['one with another code', error, 'CONFLICT', false],
    [
      'another error with such a code',
      Object.assign(new Error(), { code: 'NOT_FOUND' }),
      undefined,
      false,
    ],
    ['nothing', undefined, undefined, false],
  ] as const)('%s', (_what, value, code, expected) => {
    expect(isApiError(value, code)).toBe(expected);
  });
});
