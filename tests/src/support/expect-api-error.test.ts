// The helper that all error tests lean on must itself be able to fail.

import { describe, expect, test } from 'vitest';
import { expectApiError, expectNoInternals } from './expect-api-error.ts';

describe('expectApiError()', () => {
  test('accepts a whole error and returns its body', async () => {
    const body = await expectApiError(toResponse({}), 'NOT_FOUND');
    expect(body.details.name).toBe('ngnix');
  });

  test.each([
    ['another status', { status: 400 }],
    ['another code', { body: { code: 'CONFLICT' } }],
    ['another text', { body: { error: 'Not found' } }],
    ['no message', { body: { message: '' } }],
    ['more than the four parts', { body: { stack: 'x' } }],
    ['no details', { body: { details: undefined } }],
    ['details without the request id', { body: { details: {} } }],
    ['another request id in the header', { headers: { 'x-request-id': 'other' } }],
    ['no request id in the header', { headers: { 'x-request-id': '' } }],
    ['another content type', { headers: { 'content-type': 'text/html' } }],
    ['a challenge where none belongs', { headers: { 'www-authenticate': 'Bearer realm="x"' } }],
    ['a stack', { body: { message: 'Error\n    at main (app.ts:3:1)' } }],
    ['a file path', { body: { message: 'cannot read /home/me/.ssh/id_ed25519' } }],
    ['a JWT', { body: { message: 'bad token eyJhbGciOiJSUzI1NiJ9.e30.x' } }],
    ['a token', { body: { message: 'bad token authelia_at_x' } }],
    ['an upstream message', { body: { message: 'connect ECONNREFUSED 10.0.0.1:22' } }],
  ])('refuses %s', async (_what, change) => {
    await expect(expectApiError(toResponse(change), 'NOT_FOUND')).rejects.toThrow();
  });

  test.each([
    ['UNAUTHORIZED', 401, 'Missing or invalid authentication token'],
    ['FORBIDDEN', 403, 'Insufficient permissions for this action'],
    ['METHOD_NOT_ALLOWED', 405, 'Method not allowed'],
    ['TOO_MANY_REQUESTS', 429, 'Too many requests'],
  ] as const)('refuses %s without its header', async (code, status, error) => {
    const response = toResponse({ status, body: { code, error } });
    await expect(expectApiError(response, code)).rejects.toThrow('got object');
  });

  test('refuses SERVICE_UNAVAILABLE that says neither its reason nor the state of the VM', async () => {
    const toUnavailable = (details: object) =>
      toResponse({
        status: 503,
        body: {
          ...{ code: 'SERVICE_UNAVAILABLE', error: 'Docker failed' },
          details: { requestId: 'req-1', ...details },
        },
      });
    for (const details of [{ reason: 'DOCKER_FAILED' }, { lifecycleState: 'STOPPED' }])
      await expectApiError(toUnavailable(details), 'SERVICE_UNAVAILABLE');
    await expect(expectApiError(toUnavailable({}), 'SERVICE_UNAVAILABLE')).rejects.toThrow(
      "No container named 'ngnix'",
    );
  });

  test('refuses BAD_REQUEST that does not list the issues', async () => {
    const details = {
      requestId: 'req-1',
      issues: [{ path: 'lines', message: 'must be a number' }],
    };
    const body = { code: 'BAD_REQUEST', error: 'Invalid request parameters', details };
    await expectApiError(toResponse({ status: 400, body }), 'BAD_REQUEST');
    const empty = { ...body, details: { ...details, issues: [] } };
    const response = toResponse({ status: 400, body: empty });
    await expect(expectApiError(response, 'BAD_REQUEST')).rejects.toThrow('to not deeply equal []');
  });

  test('allows URLs, image names and API paths in a message', () => {
    expectNoInternals('GET /vm/status at https://api.example.com/docs, image ghcr.io/a/b:1');
  });

  test('allows a fingerprint at the end of a sentence, whatever letters chance gave it', () => {
    expectNoInternals(
      'the key SHA256:lh9jO6RjeyJAjIluQDxhuBjhNe6FsDQanCRFNfL3R3Y. It does not say why',
    );
  });
});

interface Change {
  readonly status?: number;
  readonly body?: Record<string, unknown>;
  readonly headers?: Record<string, string>;
}

function toResponse({ status = 404, body = {}, headers = {} }: Change): Response {
  const whole = {
    error: 'Container not found',
    code: 'NOT_FOUND',
    message: "No container named 'ngnix' on oci-flex",
    details: { requestId: 'req-1', name: 'ngnix' },
    ...body,
  };
  return new Response(JSON.stringify(whole), {
    status,
    headers: { 'content-type': 'application/json', 'x-request-id': 'req-1', ...headers },
  });
}
