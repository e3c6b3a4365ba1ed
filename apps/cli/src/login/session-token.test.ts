import { expect, test } from 'vitest';
import { granted, refused, startStubIssuer } from '../testing/stub-issuer.test-support.ts';
import { makeTemporaryFolder } from '../testing/temporary-folder.test-support.ts';
import { createLoginStore } from './login-store.ts';
import { createSessionToken } from './session-token.ts';
import type { Login } from './stored-logins.ts';

const url = 'http://127.0.0.1:5000';

/** A login whose token has `msLeft` on a clock that stands still, at an issuer that answers so. */
async function startSession(msLeft: number, token: Parameters<typeof startStubIssuer>[0]['token']) {
  const folder = await makeTemporaryFolder();
  const issuer = await startStubIssuer({ token });
  const clock = { nowMs: Date.now() };
  const { signal } = new AbortController();
  const store = createLoginStore({ folder: folder.path, warn: () => {} });
  const login: Login = {
    issuer: issuer.issuer,
    clientId: 'ondemand-cli',
    scope: 'read',
    accessToken: 'old',
    refreshToken: 'r1',
    expiresAt: new Date(clock.nowMs + msLeft).toISOString(),
  };
  await store.change(signal, ({ save }) => save({ current: url, logins: { [url]: login } }));
  return {
    read: createSessionToken({ url, login, store, signal, now: () => clock.nowMs }),
    store,
    clock,
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
  ['server_error', 400, 6],
  ['slow_down', 429, 6],
])('%s with HTTP %i once the token has ended exits with %i', async (error, status, exitCode) => {
  await using session = await startSession(0, [refused(error, status)]);
  await expect(session.read()).rejects.toMatchObject({ exitCode });
});

test('a login that another process removed is not brought back', async () => {
  await using session = await startSession(0, [granted]);
  const { signal } = new AbortController();
  await session.store.change(signal, ({ save }) => save({ current: undefined, logins: {} }));
  await expect(session.read()).rejects.toMatchObject({ exitCode: 3 });
  expect(session.renewals()).toEqual([]);
  expect((await session.store.read()).logins).toEqual({});
});
