import { type ErrorCode, OnDemandError } from '@ondemand/client';
import { expect, test } from 'vitest';
import { CliError } from './cli-error.ts';
import { exitCodes } from './exit-codes.ts';
import { toFailure, toReason } from './to-failure.ts';

/** Written a second time on purpose: scripts rely on these numbers. */
const published: Record<ErrorCode, number> = {
  BAD_REQUEST: 2,
  UNAUTHORIZED: 3,
  FORBIDDEN: 3,
  NOT_FOUND: 4,
  METHOD_NOT_ALLOWED: 1,
  CONFLICT: 5,
  PAYLOAD_TOO_LARGE: 1,
  UNSUPPORTED_MEDIA_TYPE: 1,
  TOO_MANY_REQUESTS: 6,
  INTERNAL_ERROR: 1,
  SERVICE_UNAVAILABLE: 6,
  NETWORK_ERROR: 6,
  TIMEOUT: 6,
  ABORTED: 130,
  INVALID_RESPONSE: 1,
  TOKEN_ERROR: 3,
};

test.each(Object.entries(published))('%s exits with %i', async (code, exitCode) => {
  const details = { name: 'x' };
  const error = new OnDemandError(code as ErrorCode, 'It failed', { details }); // Object.entries forgets the keys' type
  expect(await toFailure(error)).toMatchObject({ exitCode });
});

test('a message says what to do in the words of the CLI', async () => {
  const messageOf = async (error: OnDemandError) => (await toFailure(error)).message;
  expect(await messageOf(new OnDemandError('UNAUTHORIZED', 'Expired'))).toBe(
    'Expired; set ONDEMAND_TOKEN to a valid access token',
  );
  expect(await messageOf(new OnDemandError('NOT_FOUND', 'No x', { details: { name: 'x' } }))).toBe(
    'No x; ondemand ps lists the names there are',
  );
});

test.each<[ErrorCode, object, RegExp]>([
  ['SERVICE_UNAVAILABLE', { lifecycleState: 'STOPPED' }, /STOPPED.*: start it with ondemand wake/],
  ['SERVICE_UNAVAILABLE', { lifecycleState: 'STOPPING' }, /STOPPING.*once.*ondemand wake/],
  [
    'SERVICE_UNAVAILABLE',
    { lifecycleState: 'RUNNING', phase: 'off-inside' },
    /^oci-flex was woken .*shut down.*: ondemand vm stop --hard, then ondemand wake$/,
  ],
  ['NOT_FOUND', { job: 'j-1' }, /^No job 'j-1' on oci-flex; ondemand jobs lists the last 50/],
  ['TIMEOUT', {}, /did not answer in time.*--url/],
])('%s with %j is told in the words of the CLI alone', async (code, details, expected) => {
  const text = 'start it with POST /vm/start, GET /jobs lists them, or raise timeoutMs';
  const error = new OnDemandError(code, text, { details: { requestId: 'req-1', ...details } });
  const { message } = await toFailure(error);
  expect(message).toMatch(expected);
  expect(message).not.toMatch(/POST|GET|timeoutMs/);
});

test.each<[ErrorCode, object]>([
  ['SERVICE_UNAVAILABLE', { lifecycleState: 'STOPPED', outcome: 'unknown' }],
  ['TIMEOUT', { outcome: 'unknown' }],
  ['SERVICE_UNAVAILABLE', { lifecycleState: 'STARTING' }],
  ['SERVICE_UNAVAILABLE', { lifecycleState: 'STOPPED', phase: 'asleep' }],
  ['SERVICE_UNAVAILABLE', { lifecycleState: 'STOPPING', phase: 'stopping' }],
])('%s with %j keeps the words that say what happened', async (code, details) => {
  const error = new OnDemandError(code, 'It may have taken place', { details: { ...details } });
  expect((await toFailure(error)).message).toBe('It may have taken place');
});

test('a path that the API does not have is no thing that is not found', async () => {
  const details = { requestId: 'req-1' };
  const error = new OnDemandError('NOT_FOUND', 'No such path; see /docs', { details });
  expect(await toFailure(error)).toMatchObject({
    message: expect.stringMatching(
      /^The API does not know this call; ONDEMAND_URL or --url has to/,
    ),
    exitCode: 1,
  });
});

test('with a login the advice is to log in', async () => {
  const error = new OnDemandError('UNAUTHORIZED', 'Expired');
  expect((await toFailure(error, 'ondemand login')).message).toBe('Expired; run ondemand login');
});

test('why the CLI itself has no token is told as it stands', async () => {
  const cause = new CliError(exitCodes.unavailable, 'No issuer');
  const error = new OnDemandError('TOKEN_ERROR', 'The `token` function failed', { cause });
  expect(await toFailure(error)).toMatchObject({ message: 'No issuer', exitCode: 6 });
  expect(toReason(error)).toBe('No issuer');
  expect(toReason(new OnDemandError('NETWORK_ERROR', 'It broke'))).toBe('It broke');
});

test('a failure inside the API carries its request id, by which its log knows it', async () => {
  const error = new OnDemandError('INTERNAL_ERROR', 'It broke', { requestId: 'req-7' });
  expect((await toFailure(error)).message).toBe('It broke; request id req-7');
});

test("the CLI's own failures keep their exit code, unknown ones are reported as its own", async () => {
  const own = new CliError(exitCodes.conflict, 'Mine');
  expect(await toFailure(own)).toMatchObject({ message: 'Mine', exitCode: 5 });
  expect(await toFailure(new Error('bug'))).toMatchObject({
    message: expect.stringContaining('bug'),
    exitCode: 1,
  });
});

test('a failure of the API is for programs what the API sent, and one without an answer has the same shape', async () => {
  const details = { name: 'x' };
  const answered = new OnDemandError('NOT_FOUND', "No container named 'x'", {
    status: 404,
    title: 'Container not found',
    details,
    requestId: 'req-1',
  });
  expect((await toFailure(answered)).body).toEqual({
    error: 'Container not found',
    code: 'NOT_FOUND',
    message: "No container named 'x'",
    details: { requestId: 'req-1', name: 'x' },
  });
  expect((await toFailure(new OnDemandError('NETWORK_ERROR', 'No route'))).body).toEqual({
    error: 'Not available',
    code: 'NETWORK_ERROR',
    message: 'No route',
    details: {},
  });
  expect((await toFailure(new CliError(exitCodes.usage, 'needs NAME'))).body).toEqual({
    error: 'Wrong usage',
    code: 'BAD_REQUEST',
    message: 'needs NAME',
    details: {},
  });
});
