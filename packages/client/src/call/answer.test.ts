// What a call makes of an answer that is not this API's: a proxy's, a gateway's, another server's.

import { describe, expect, test } from 'vitest';
import { createClient } from '../client.ts';
import { type Behaviour, startCannedApi } from '../testing/canned-api.test-support.ts';
import { rejectionOf, unknownOutcome } from '../testing/rejection.test-support.ts';

describe('something else that answers', () => {
  const html = '<html><body>Bad Gateway</body></html>';

  test.each<[string, Behaviour, { code: string; status: number; message: RegExp }]>([
    [
      "a proxy's 502 page",
      { status: 502, body: html },
      {
        code: 'SERVICE_UNAVAILABLE',
        status: 502,
        message: /answered 502, but not as this API does/,
      },
    ],
    [
      "a proxy's 504 without a body",
      { status: 504 },
      { code: 'SERVICE_UNAVAILABLE', status: 504, message: /a proxy before it cannot reach it/ },
    ],
    [
      "a proxy's 401 page",
      { status: 401, body: html },
      { code: 'UNAUTHORIZED', status: 401, message: /a proxy before it refused the call/ },
    ],
    [
      "a proxy's 403 page",
      { status: 403, body: html },
      { code: 'FORBIDDEN', status: 403, message: /refused/ },
    ],
    [
      "a proxy's 413 page",
      { status: 413, body: html },
      { code: 'PAYLOAD_TOO_LARGE', status: 413, message: /refused/ },
    ],
    [
      "another server's 404 page",
      { status: 404, body: html },
      {
        code: 'INVALID_RESPONSE',
        status: 404,
        message: /but not as this API does; check the url$/,
      },
    ],
    [
      "another server's page",
      { body: html },
      { code: 'INVALID_RESPONSE', status: 200, message: /answered 200, but not as this API does/ },
    ],
    [
      'JSON that ends too early',
      { body: '{"result":{"data":{"vmId":"oci-f' },
      { code: 'INVALID_RESPONSE', status: 200, message: /answered 200/ },
    ],
    [
      'an empty 204',
      { status: 204 },
      { code: 'INVALID_RESPONSE', status: 204, message: /answered 204/ },
    ],
    [
      'the JSON of another API',
      { body: [{ id: 1 }] },
      { code: 'INVALID_RESPONSE', status: 200, message: /answered 200/ },
    ],
    [
      'a result that is none',
      { body: { result: 'ok' } },
      { code: 'INVALID_RESPONSE', status: 200, message: /answered 200/ },
    ],
    [
      'a result under the status of an error',
      { status: 500, body: { result: { data: [] } } },
      { code: 'SERVICE_UNAVAILABLE', status: 500, message: /answered 500/ },
    ],
    [
      'the error of another tRPC API',
      {
        status: 404,
        body: { error: { message: 'no route', code: -32004, data: { code: 'NOT_FOUND' } } },
      },
      { code: 'INVALID_RESPONSE', status: 404, message: /answered 404/ },
    ],
    [
      "a gateway's own error code",
      { status: 400, body: { error: 'x', code: 'NO_ROUTE', message: 'no route' } },
      { code: 'INVALID_RESPONSE', status: 400, message: /answered 400/ },
    ],
    [
      'a redirect to a login',
      { status: 302, headers: { location: 'https://auth.example.com/?rd=secret' } },
      {
        code: 'INVALID_RESPONSE',
        status: 302,
        message:
          /redirects to https:\/\/auth\.example\.com instead of answering; give the url where/,
      },
    ],
    [
      'a redirect within the server',
      { status: 308, headers: { location: '/elsewhere?secret' } },
      { code: 'INVALID_RESPONSE', status: 308, message: /redirects instead of answering/ },
    ],
  ])('%s', async (_what, behaviour, { code, status, message }) => {
    await using api = await startCannedApi(() => behaviour);
    const error = await rejectionOf(createClient({ url: api.url }).vm.status.query());
    expect(error).toMatchObject({ code, status, details: {}, requestId: undefined });
    expect(error.message).toMatch(message);
    expect(error.message).toContain(api.url);
    expect(error.message).not.toMatch(/html|secret|no route/);
    expect(api.requests).toHaveLength(1);
  });

  test('keeps when to try again and the request id of a proxy', async () => {
    await using api = await startCannedApi(() => ({
      status: 503,
      body: html,
      headers: { 'retry-after': '7', 'x-request-id': 'p-1' },
    }));
    const error = await rejectionOf(createClient({ url: api.url }).vm.status.query());
    expect(error).toMatchObject({ details: { retryAfterSeconds: 7 }, requestId: 'p-1' });
  });

  test.each([
    [502, true],
    [200, true],
    [404, false],
    [302, false],
  ])(
    'instead of a mutation, with status %i: the outcome is unknown: %s',
    async (status, isUnknown) => {
      await using api = await startCannedApi(() => ({ status, body: html }));
      const error = await rejectionOf(createClient({ url: api.url }).vm.stop.mutate());
      expect(error.details).toEqual(isUnknown ? { outcome: 'unknown' } : {});
      expect(unknownOutcome.test(error.message)).toBe(isUnknown);
    },
  );
});
