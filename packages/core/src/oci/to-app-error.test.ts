// Each refusal and silence of OCI with what it means to a caller.

import { expect, test } from 'vitest';
import type { OciFailure } from './failure.ts';
import { isCertificateCode, toAppError } from './to-app-error.ts';

const rawWords = 'ocid1.user.oc1..secret in /home/opc/.oci/key.pem';
const answer = (status: number, more: Partial<Extract<OciFailure, { kind: 'answer' }>> = {}) =>
  ({ kind: 'answer', status, serviceMessage: rawWords, ...more }) as const;
const network = (code: string | undefined) => ({ kind: 'network', code, sent: true }) as const;

test.each<[string, OciFailure, string, Record<string, unknown>, RegExp]>([
  ['401', answer(401), 'INTERNAL_ERROR', {}, /refused our credentials .*clock/],
  ['403', answer(403), 'INTERNAL_ERROR', {}, /refused our credentials/],
  ['404', answer(404), 'INTERNAL_ERROR', {}, /OCI_INSTANCE_ID.*policy/],
  ['400', answer(400), 'INTERNAL_ERROR', {}, /HTTP 400/],
  ['409', answer(409), 'CONFLICT', {}, /being changed/],
  ['412', answer(412), 'CONFLICT', {}, /being changed/],
  [
    '429 with a hint',
    answer(429, { retryAfterSeconds: 9 }),
    'SERVICE_UNAVAILABLE',
    { reason: 'THROTTLED', retryAfterSeconds: 9 },
    /throttles/,
  ],
  [
    '429 without a hint',
    answer(429),
    'SERVICE_UNAVAILABLE',
    { reason: 'THROTTLED', retryAfterSeconds: 5 },
    /throttles/,
  ],
  [
    '500',
    answer(500),
    'SERVICE_UNAVAILABLE',
    { reason: 'OCI_FAILED', retryAfterSeconds: 5 },
    /HTTP 500/,
  ],
  [
    '503 with a hint',
    answer(503, { retryAfterSeconds: 2 }),
    'SERVICE_UNAVAILABLE',
    { reason: 'OCI_FAILED', retryAfterSeconds: 2 },
    /HTTP 503/,
  ],
  [
    'no capacity',
    answer(500, { serviceMessage: 'Out of host capacity.' }),
    'SERVICE_UNAVAILABLE',
    { reason: 'OUT_OF_CAPACITY', retryAfterSeconds: 300 },
    /no free host/,
  ],
  [
    'no capacity for a shape',
    answer(500, { serviceMessage: 'Out of capacity for shape VM.Standard.A1.Flex.' }),
    'SERVICE_UNAVAILABLE',
    { reason: 'OUT_OF_CAPACITY', retryAfterSeconds: 300 },
    /no free host/,
  ],
  [
    'a redirect',
    answer(302),
    'SERVICE_UNAVAILABLE',
    { reason: 'UNREADABLE_ANSWER', retryAfterSeconds: 5 },
    /OCI_ENDPOINT/,
  ],
  [
    'a timeout',
    { kind: 'timeout', timeoutMs: 10_000, sent: true },
    'SERVICE_UNAVAILABLE',
    { reason: 'TIMEOUT', retryAfterSeconds: 5 },
    /within 10 s/,
  ],
  [
    'a closed port',
    network('ECONNREFUSED'),
    'SERVICE_UNAVAILABLE',
    { reason: 'OCI_UNREACHABLE', retryAfterSeconds: 5 },
    /the connection to OCI failed/,
  ],
  [
    'no name',
    network('ENOTFOUND'),
    'SERVICE_UNAVAILABLE',
    { reason: 'DNS_FAILED', retryAfterSeconds: 5 },
    /OCI_REGION/,
  ],
  [
    'a bad certificate',
    network('DEPTH_ZERO_SELF_SIGNED_CERT'),
    'SERVICE_UNAVAILABLE',
    { reason: 'TLS_FAILED', retryAfterSeconds: 5 },
    /certificate/,
  ],
  [
    'a nameless failure',
    network(undefined),
    'SERVICE_UNAVAILABLE',
    { reason: 'OCI_UNREACHABLE', retryAfterSeconds: 5 },
    /the connection to OCI failed/,
  ],
  [
    'an unreadable answer',
    { kind: 'unreadable', status: 200 },
    'SERVICE_UNAVAILABLE',
    { reason: 'UNREADABLE_ANSWER', retryAfterSeconds: 5 },
    /does not speak OCI/,
  ],
])('%s is told as it should be', (_, failure, code, details, words) => {
  const cause = new Error('kept');
  const error = toAppError(failure, 'InstanceAction', cause);
  expect([error.code, error.details, error.cause]).toEqual([code, details, cause]);
  expect(error.message).toMatch(words);
  expect(error.message).toMatch(/oci-flex/);
  expect(JSON.stringify([error.message, error.details])).not.toContain('ocid1');
});

test.each([409, 412])(
  'HTTP %i to a question is no conflict: nothing was to be changed',
  (status) => {
    const error = toAppError(answer(status), 'GetVnic');
    expect([error.code, error.details.reason]).toEqual(['SERVICE_UNAVAILABLE', 'OCI_FAILED']);
  },
);

test.each([
  ['CERT_HAS_EXPIRED', true],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', true],
  ['SELF_SIGNED_CERT_IN_CHAIN', true],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', true],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', true],
  ['ERR_TLS_CERT_ALTNAME_INVALID', true],
  ['ECONNRESET', false],
  ['EPROTO', false],
  [undefined, false],
])('%s is about a certificate: %s', (code, expected) => {
  expect(isCertificateCode(code)).toBe(expected);
});
