import { expect, test } from 'vitest';
import { fakeTimeouts } from '../testing/fake-timeouts.test-support.ts';
import { granted, refused, startStubIssuer } from '../testing/stub-issuer.test-support.ts';
import { makeTemporaryFolder } from '../testing/temporary-folder.test-support.ts';
import type { Login } from './login-file-format.ts';
import { createLoginStore } from './login-store.ts';
import { createSessionToken } from './session-token.ts';

const url = 'http://127.0.0.1:5000';

/** A login whose token has `msLeft` on a clock that stands still, at an issuer that answers so. */
async function startSession(
  msLeft: number,
  token: Parameters<typeof startStubIssuer>[0]['token'],
  changes: Partial<Login> = {},
) {
  const folder = await makeTemporaryFolder();
  const issuer = await startStubIssuer({ token });
  const clock = { nowMs: Date.now() };
  const stopping = new AbortController();
  const { signal } = stopping;
  const waits: string[] = [];
  const store = createLoginStore({ folder: () => folder.path, warn: () => {} });
  const login: Login = {
    issuer: issuer.issuer,
    clientId: 'ondemand-cli',
    scope: 'read',
    accessToken: 'old',
    refreshToken: 'r1',
    expiresAt: new Date(clock.nowMs + msLeft).toISOString(),
    ...changes,
  };
  await store.change(signal, ({ save }) => save({ current: url, logins: { [url]: login } }));
  return {
    read: createSessionToken({
      url,
      login,
      store,
      signal,
      now: () => clock.nowMs,
      onWait: (text) => waits.push(text),
    }),
    waits,
    stop: () => stopping.abort(),
    store,
    clock,
    login,
    save: (changed: Login) =>
      store.change(signal, ({ save }) => save({ current: url, logins: { [url]: changed } })),
    renewals: () => issuer.forms('/token'),
    async [Symbol.asyncDispose]() {
      await issuer[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

test('calls at the same time share one renewal, which is stored', async () => {
  await using session = await startSession(59_000, [granted]);
  const tokens = await Promise.all([session.read(), session.read(), session.read()]);
  expect(tokens).toEqual(['access', 'access', 'access']);
  expect(await session.read()).toBe('access');
  expect(session.renewals()).toMatchObject([{ grant_type: 'refresh_token', refresh_token: 'r1' }]);
  expect((await session.store.read()).logins[url]).toMatchObject({
    accessToken: 'access',
    refreshToken: 'refresh',
  });
});

test('an issuer that gives no new refresh token leaves the old one', async () => {
  const body = { access_token: 'access', token_type: 'Bearer', expires_in: 3600 };
  await using session = await startSession(0, [{ body }]);
  expect(await session.read()).toBe('access');
  expect((await session.store.read()).logins[url]?.refreshToken).toBe('r1');
});

test('a token with a minute left is left alone', async () => {
  await using session = await startSession(60_000, [granted]);
  expect(await session.read()).toBe('old');
  expect(session.renewals()).toEqual([]);
});

test('a renewal that fails while the token holds is tried again later, not for every call', async () => {
  await using session = await startSession(50_000, [{ cut: true }, granted]);
  expect([await session.read(), await session.read()]).toEqual(['old', 'old']);
  expect(session.renewals()).toHaveLength(1);
  session.clock.nowMs += 10_001;
  expect(await session.read()).toBe('access');
});

test('a token in its last moments is not given out while the issuer is down: the API would say that it has ended', async () => {
  await using session = await startSession(4_000, [{ cut: true }, granted]);
  await expect(session.read()).rejects.toMatchObject({ exitCode: 6 });
  expect(await session.read()).toBe('access');
});

test('nor is one that came into them while the next try was waited for', async () => {
  await using session = await startSession(12_000, [{ cut: true }]);
  expect(await session.read()).toBe('old');
  session.clock.nowMs += 8_000;
  await expect(session.read()).rejects.toMatchObject({ exitCode: 6 });
});

test('a token that nothing can replace is given out to its end', async () => {
  await using session = await startSession(4_000, [refused('invalid_grant')]);
  expect(await session.read()).toBe('old');
});

test.each([
  ['invalid_grant', 400, 3],
  ['invalid_client', 401, 3],
  ['invalid_request', 400, 6],
  ['temporarily_unavailable', 400, 6],
  ['server_error', 400, 6],
  ['slow_down', 429, 6],
])('%s with HTTP %i once the token has ended exits with %i', async (error, status, exitCode) => {
  await using session = await startSession(0, [refused(error, status)]);
  await expect(session.read()).rejects.toMatchObject({ exitCode });
});

test.each([
  ['400, empty', { status: 400, text: '' }, /refused \(HTTP 400\).*; run ondemand login/],
  ['403, a web page', { status: 403, text: '<p>No</p>' }, /refused \(HTTP 403\).*ondemand login/],
  ['invalid_client', refused('invalid_client', 401), /invalid_client.*; it says: RAW UPSTREAM/],
])('a renewal that is refused in another way says what to do: %s', async (_, answer, words) => {
  await using session = await startSession(0, [answer]);
  await expect(session.read()).rejects.toMatchObject({
    exitCode: 3,
    message: expect.stringMatching(words),
  });
});

const audience = { value: 'https://api.example.com', isGuess: false };

test.each([
  ['that was asked for', audience, audience.value],
  ['that the issuer takes by its other name alone', { ...audience, only: 'audience' }, undefined],
  ['that is a mere guess', { ...audience, isGuess: true }, undefined],
] as const)('a renewal is for the resource %s', async (_, wanted, resource) => {
  await using session = await startSession(0, [granted], { audience: wanted });
  expect(await session.read()).toBe('access');
  expect(session.renewals().map((form) => form.resource)).toEqual([resource]);
});

test('a renewal goes without the resource where the issuer does not want it again', async () => {
  await using session = await startSession(0, [refused('invalid_target'), granted], { audience });
  expect(await session.read()).toBe('access');
  expect(session.renewals().map((form) => form.resource)).toEqual([audience.value, undefined]);
});

test('a login that another process removed is not brought back', async () => {
  await using session = await startSession(0, [granted]);
  const { signal } = new AbortController();
  await session.store.change(signal, ({ save }) => save({ current: undefined, logins: {} }));
  await expect(session.read()).rejects.toMatchObject({ exitCode: 3 });
  expect(session.renewals()).toEqual([]);
  expect((await session.store.read()).logins).toEqual({});
});

const ago = (ms: number) => new Date(Date.now() - ms).toISOString();

test.each([
  [30_000, 7_000, 'old'],
  [30_000, 5_000, 'access'],
  [60_000, 13_000, 'old'],
  [60_000, 11_000, 'access'],
  [3_600_000, 61_000, 'old'],
  [3_600_000, 59_000, 'access'],
])(
  'of a token that lives for %i ms the last fifth, but a minute at most, is its end: %i ms left',
  async (lifeMs, msLeft, token) => {
    await using session = await startSession(msLeft, [granted], {
      obtainedAt: ago(lifeMs - msLeft),
    });
    expect(await session.read()).toBe(token);
  },
);

test('a refused token is replaced by the newest stored one, which another process has got', async () => {
  await using session = await startSession(600_000, [granted]);
  await session.save({ ...session.login, accessToken: 'newer' });
  expect(await session.read({ refused: 'old' })).toBe('newer');
  expect(await session.read()).toBe('newer');
  expect(session.renewals()).toEqual([]);
});

test('a refused token that is the newest is renewed once, however many calls it was refused to', async () => {
  await using session = await startSession(600_000, [granted]);
  const refused = { refused: 'old' };
  expect(await Promise.all([session.read(refused), session.read(refused)])).toEqual([
    'access',
    'access',
  ]);
  expect(await session.read(refused)).toBe('access');
  expect(session.renewals()).toHaveLength(1);
});

test('a refused token that nothing can replace is given again, so that the API has the last word', async () => {
  await using session = await startSession(600_000, [granted], { refreshToken: undefined });
  expect(await session.read({ refused: 'old' })).toBe('old');
  expect(session.renewals()).toEqual([]);
});

test.each([
  ['invalid_grant', 3, true],
  ['invalid_request', 6, false],
])(
  'a refused token whose renewal fails by %s is not given out again',
  async (code, exitCode, final) => {
    await using session = await startSession(600_000, [refused(code)]);
    await expect(session.read({ refused: 'old' })).rejects.toMatchObject({ exitCode, final });
  },
);

test('a renewal that takes long says what it waits for', async () => {
  const clock = fakeTimeouts();
  let answer = (): void => {};
  const after = new Promise<void>((resolve) => {
    answer = resolve;
  });
  await using session = await startSession(0, [{ ...granted, after }]);
  const reading = session.read();
  await clock.until(() => session.renewals().length === 1);
  await clock.pass(999);
  expect(session.waits).toEqual([]);
  await clock.pass(1);
  answer();
  expect(await reading).toBe('access');
  expect(session.waits).toEqual([
    `Waiting for the issuer ${session.login.issuer} to renew the login`,
  ]);
});

test('a renewal under way is finished and stored although the user stops; its call is not made', async () => {
  let answer = (): void => {};
  const after = new Promise<void>((resolve) => {
    answer = resolve;
  });
  await using session = await startSession(0, [{ ...granted, after }]);
  const reading = session.read();
  await expect.poll(() => session.renewals().length).toBe(1);
  session.stop();
  answer();
  expect(await reading).toBe('access');
  expect((await session.store.read()).logins[url]?.refreshToken).toBe('refresh');
});
