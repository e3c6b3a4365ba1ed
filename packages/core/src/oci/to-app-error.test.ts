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
  ['403', answer(403), 'INTERNAL_ERROR', {}, /does not allow it .*policy/],
  ['402', answer(402), 'INTERNAL_ERROR', {}, /subscription/],
  ['501', answer(501), 'INTERNAL_ERROR', {}, /does not have this operation/],
  ['404', answer(404), 'INTERNAL_ERROR', {}, /policy.*OCI_INSTANCE_ID/],
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

test.each([
  [400, 'LimitExceeded', 'OCI limit reached', /service limit/],
  [400, 'QuotaExceeded', 'OCI limit reached', /quota of the compartment/],
  [409, 'LimitExceeded', 'OCI limit reached', /service limit/],
  [402, 'SubscriptionRequired', 'OCI account not in order', /no subscription/],
  [403, 'SignUpRequired', 'OCI account not in order', /not signed up/],
  [403, 'NotAllowed', 'OCI account not in order', /suspended/],
  [403, 'NotAuthorized', 'OCI refused the request', /may not do this/],
  [400, 'RelatedResourceNotAuthorizedOrNotFound', 'OCI refused the request', /boot volume/],
  [409, 'ResourceDisabled', 'OCI refused the request', /disabled/],
  [400, 'InvalidParameter', 'OCI refused the request', /OCI_INSTANCE_ID/],
  [501, 'MethodNotImplemented', 'OCI endpoint not supported', /OCI_ENDPOINT/],
  [500, 'OutOfHostCapacity', 'OCI out of capacity', /no free host/],
  [409, 'InvalidatedRetryToken', 'OCI failed', /did not carry it out/],
  [409, 'IncorrectState', 'VM in transition', /its state does not allow it/],
  [412, 'NoEtagMatch', 'VM in transition', /being changed/],
  [429, 'TooManyRequests', 'OCI throttles requests', /throttles/],
] as const)(
  "HTTP %i %s has its own line, and OCI's code is data",
  (status, serviceCode, text, words) => {
    const error = toAppError(answer(status, { serviceCode }), 'InstanceAction');
    expect(error).toMatchObject({ text, details: { ociCode: serviceCode } });
    expect(error.message).toMatch(words);
    if (!/refused the request|transition/.test(text))
      expect(error.message).not.toMatch(/INSTANCE_ID/);
  },
);

test("what is no name of a code stays out of an answer, and none is one of JavaScript's", () => {
  for (const serviceCode of ['ocid1.user.oc1..x', 'two words', 'constructor', '__proto__', '']) {
    const error = toAppError(answer(500, { serviceCode }), 'GetInstance');
    expect(error.text).toBe('OCI failed');
    expect(JSON.stringify(error.details)).not.toMatch(/ocid1|two|proto/);
  }
});

test.each([
  ['config', /user, fingerprint and key of the OCI profile/],
  ['session', /oci session authenticate/],
  ['instance_principal', /dynamic group/],
] as const)('a 401 with %s speaks of the credentials at hand', (signedBy, words) => {
  const { message, text } = toAppError(answer(401, { signedBy }), 'GetInstance');
  expect(text).toBe('OCI refused our credentials');
  expect(message).toMatch(words);
  if (signedBy !== 'config') expect(message).not.toMatch(/fingerprint/);
});

test.each([
  ['GetInstance', 'VM not found in OCI', /OCI_INSTANCE_ID/],
  ['InstanceAction', 'VM not found in OCI', /policy/],
  ['ListVnicAttachments', 'VM address not readable', /SSH_HOST/],
  ['GetVnic', 'VM address not readable', /read vnics/],
] as const)('a 404 to %s says what our credentials may not see', (operation, text, words) => {
  const error = toAppError(answer(404), operation);
  expect([error.text, error.message]).toEqual([text, expect.stringMatching(words)]);
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
