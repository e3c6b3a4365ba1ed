import { expect, test } from 'vitest';
import {
  device,
  deviceBody,
  granted,
  type IssuerAnswer,
  refused,
  startStubIssuer,
} from '../testing/stub-issuer.test-support.ts';
import { type Prompt, runDeviceFlow } from './device-flow.ts';
import { discover } from './find-issuer.ts';
import type { TokenRequest } from './token-request.ts';

const pending = refused('authorization_pending');
const tokenRequest: TokenRequest = {
  clientId: 'ondemand-cli',
  scope: 'read offline_access',
  audience: { value: 'https://api.example.com', isGuess: true },
};

/** The flow against an issuer that answers so, on a clock that passes as fast as it is slept on. */
async function run(
  script: Parameters<typeof startStubIssuer>[0],
  wanted: TokenRequest = tokenRequest,
) {
  await using issuer = await startStubIssuer(script);
  const { signal } = new AbortController();
  const prompts: Prompt[] = [];
  const pauses: number[] = [];
  let nowMs = 0;
  const clock = {
    now: () => nowMs,
    sleep: async (ms: number) => {
      pauses.push(ms);
      nowMs += ms;
    },
  };
  const outcome = await runDeviceFlow({
    server: await discover(issuer.issuer, signal),
    tokenRequest: wanted,
    signal,
    clock,
    onPrompt: (prompt) => prompts.push(prompt),
    onWait: () => {},
  }).then(
    (value) => ({ value, error: undefined }),
    (error: unknown) => ({ value: undefined, error }),
  );
  return {
    ...outcome,
    prompts,
    pauses,
    asked: issuer.forms('/device'),
    polls: issuer.forms('/token'),
  };
}

test('the tokens come once the person has agreed', async () => {
  const { value, pauses, polls } = await run({ token: [pending, pending, granted] });
  expect(value?.tokens).toMatchObject({ accessToken: 'access', refreshToken: 'refresh' });
  expect(pauses).toEqual([5000, 5000, 5000]);
  expect(polls[0]).toMatchObject({
    grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
    device_code: 'device-code',
    client_id: 'ondemand-cli',
  });
});

test.each([
  [{ interval: 7 }, 7000],
  [{ interval: undefined }, 5000],
])('an interval of %j is kept to', async (change, pauseMs) => {
  const { pauses } = await run({
    token: [granted],
    device: [{ body: { ...deviceBody, ...change } }],
  });
  expect(pauses).toEqual([pauseMs]);
});

test('slow_down adds five seconds each time, for good', async () => {
  const slow = refused('slow_down');
  const { pauses } = await run({ token: [slow, pending, slow, pending, granted] });
  expect(pauses).toEqual([5000, 10_000, 10_000, 15_000, 15_000]);
});

test('an issuer that does not answer for a while is asked less often, then as before', async () => {
  const cut: IssuerAnswer = { cut: true };
  const { value, pauses } = await run({ token: [cut, refused('x', 503), pending, granted] });
  expect(value).toBeDefined();
  expect(pauses).toEqual([5000, 10_000, 20_000, 20_000]);
});

test.each<[string, readonly IssuerAnswer[], number, string]>([
  ['refused', [pending, refused('access_denied')], 3, 'was refused at the issuer'],
  ['expired at the issuer', [refused('expired_token')], 3, 'Nobody approved the login in time'],
  ['never approved', [pending], 3, 'Nobody approved the login in time'],
  ['gone', [{ cut: true }], 6, 'does not answer as one'],
  ['busy', [refused('temporarily_unavailable')], 6, 'HTTP 400'],
  ['of no use', [{ status: 404, body: 'x' }], 3, 'HTTP 404'],
  ['strange', [refused('\u001b[2J')], 3, 'refused (unknown error)'],
  ['refused without a word', [{ status: 403, text: '' }], 3, 'refused (HTTP 403)'],
  ['refused by a web page', [{ status: 401, text: '<p>No</p>' }], 3, 'refused (HTTP 401)'],
])('a login that is %s ends', async (_what, token, exitCode, message) => {
  const { error } = await run({ token });
  expect(error).toMatchObject({ exitCode, message: expect.stringContaining(message) });
});

test('an issuer that says with status 200 that it waits is asked on as often as before', async () => {
  const waiting = refused('authorization_pending', 200);
  const { value, pauses } = await run({ token: [waiting, waiting, granted] });
  expect(value?.tokens).toMatchObject({ accessToken: 'access' });
  expect(pauses).toEqual([5000, 5000, 5000]);
});

test('a Retry-After that is a date is waited for as well', async () => {
  const date = new Date(Date.now() + 60_000).toUTCString();
  const throttled = { status: 429, text: '', headers: { 'retry-after': date } };
  const { value, pauses } = await run({ token: [throttled, granted] });
  expect(value?.tokens).toMatchObject({ accessToken: 'access' });
  expect(pauses[1]).toBeGreaterThan(20_000);
  expect(pauses[1]).toBeLessThanOrEqual(60_000);
});

test('polls that are not answered end no login while the code holds', async () => {
  const cut: IssuerAnswer = { cut: true };
  const busy: IssuerAnswer = { status: 503, text: '<p>Gateway</p>' };
  const token = [cut, busy, cut, busy, cut, busy, cut, granted];
  const { value, pauses } = await run({ token });
  expect(value?.tokens).toMatchObject({ accessToken: 'access' });
  expect(Math.max(...pauses)).toBe(30_000);
});

test('an issuer that asks to be left alone for a while is, and then polled as before', async () => {
  const throttled: IssuerAnswer = { status: 429, text: '', headers: { 'retry-after': '47' } };
  const { value, pauses } = await run({ token: [pending, throttled, pending, granted] });
  expect(value).toBeDefined();
  expect(pauses).toEqual([5000, 5000, 47_000, 10_000]);
});

test('the wait ends with the code, not an interval later', async () => {
  const { pauses } = await run({
    token: [pending],
    device: [{ body: { ...deviceBody, expires_in: 12 } }],
  });
  expect(pauses).toEqual([5000, 5000, 2000]);
});

test('the user is shown the complete address where there is one', async () => {
  const complete = `${deviceBody.verification_uri}?user_code=WDJB-MJHT`;
  const body = { ...deviceBody, verification_uri_complete: complete };
  const { prompts } = await run({ token: [granted], device: [{ body }] });
  expect(prompts).toEqual([
    { userCode: 'WDJB-MJHT', url: deviceBody.verification_uri, completeUrl: complete },
  ]);
});

test('an address that no browser should open is not shown', async () => {
  const evil = { ...deviceBody, verification_uri: 'javascript:alert(1)' };
  const { error, prompts } = await run({ token: [granted], device: [{ body: evil }] });
  expect(error).toMatchObject({ message: expect.stringContaining('no web address') });
  expect(prompts).toEqual([]);
  const half = { ...deviceBody, verification_uri_complete: 'file:///etc/passwd' };
  const { prompts: shown } = await run({ token: [granted], device: [{ body: half }] });
  expect(shown[0]?.completeUrl).toBeUndefined();
});

test('what the user did not ask for is left out when the issuer does not like it', async () => {
  const { value, asked } = await run({
    token: [granted],
    device: [refused('invalid_target'), refused('invalid_scope'), device],
  });
  expect(asked.map(({ audience, scope }) => [audience, scope])).toEqual([
    ['https://api.example.com', 'read offline_access'],
    [undefined, 'read offline_access'],
    [undefined, 'read'],
  ]);
  expect(value?.tokenRequest).toEqual({ ...tokenRequest, scope: 'read', audience: undefined });
});

test.each([
  ['invalid_scope', "the scopes 'read'; name those that it may have with --scope"],
  ['scope_invalid', "the scopes 'read'; name those that it may have with --scope"],
  ['invalid_target', "no tokens for the audience 'https://api.example.com'; see --audience"],
  ['invalid_client', "does not know the client 'ondemand-cli'"],
  ['unauthorized_client', "does not let the client 'ondemand-cli' log in this way"],
  ['invalid_grant', "does not let the client 'ondemand-cli' log in this way"],
  ['invalid_request', "perhaps for the audience 'https://api.example.com'; see --audience"],
  ['invalid_request', 'refused (invalid_request)'],
])('what the user asked for and %s is told', async (code, message) => {
  const audience = { value: 'https://api.example.com', isGuess: false };
  const wanted = { ...tokenRequest, scope: 'read', audience };
  const { error } = await run({ token: [granted], device: [refused(code)] }, wanted);
  expect(error).toMatchObject({ exitCode: 3, message: expect.stringContaining(message) });
  expect(error).toMatchObject({ message: expect.stringContaining('it says: RAW UPSTREAM') });
});

test('an audience that the issuer does not take by both of its names is asked for by one, then by the other', async () => {
  const audience = { value: 'https://api.example.com', isGuess: false };
  const { value, asked, polls } = await run(
    {
      token: [granted],
      device: [refused('invalid_request'), refused('invalid_target'), device],
    },
    { ...tokenRequest, audience },
  );
  const both = { audience: audience.value, resource: audience.value };
  expect(asked.map(({ audience, resource }) => ({ audience, resource }))).toEqual([
    both,
    { audience: audience.value, resource: undefined },
    { audience: undefined, resource: audience.value },
  ]);
  expect(polls[0]).toMatchObject({ resource: audience.value });
  expect(value?.tokenRequest.audience).toEqual({ ...audience, only: 'resource' });
});

test('an issuer without a device flow is told', async () => {
  const metadata = { device_authorization_endpoint: undefined };
  const { error } = await run({ token: [granted], metadata });
  expect(error).toMatchObject({ message: expect.stringContaining('names no endpoint for that') });
});

test('an endpoint in clear text on another machine is not asked', async () => {
  const metadata = { token_endpoint: 'http://auth.example.com/token' };
  const { error } = await run({ token: [granted], metadata });
  expect(error).toMatchObject({ message: expect.stringContaining('is not on https') });
});

test('an answer for another issuer is not believed', async () => {
  await using issuer = await startStubIssuer({
    token: [],
    metadata: { issuer: 'https://other.example.com' },
  });
  const asking = discover(issuer.issuer, new AbortController().signal);
  await expect(asking).rejects.toThrow('speaks for another issuer');
});
