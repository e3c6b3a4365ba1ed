import { decodeJwt } from 'jose';
import { expect, test } from 'vitest';
import { startOidc } from '../testing/oidc.test-support.ts';

test('the Authelia flavour has its paths, its prefixes, opaque tokens by default and lists of audiences', async () => {
  await using app = await startOidc({ flavour: 'authelia' });
  const { issuer, audience, tokens } = app.oidc;
  const document = await (await fetch(`${issuer}/.well-known/openid-configuration`)).json();
  expect(document).toMatchObject({
    jwks_uri: `${issuer}/jwks.json`,
    token_endpoint: `${issuer}/api/oidc/token`,
    introspection_endpoint: `${issuer}/api/oidc/introspection`,
    revocation_endpoint: `${issuer}/api/oidc/revocation`,
    device_authorization_endpoint: `${issuer}/api/oidc/device-authorization`,
  });
  const introspect = (token: string) =>
    app.post('/api/oidc/introspection', { token }, app.oidc.clients.api);
  const token = await tokens.admin();
  expect(token).toMatch(/^authelia_at_[\w-]{40,}$/);
  expect((await introspect(token)).body).toMatchObject({
    active: true,
    scope: 'read admin',
    aud: [audience],
    token_type: 'bearer',
  });
  await tokens.revoke(token);
  expect((await introspect(token)).body).toEqual({ active: false });
  expect(decodeJwt(await tokens.read({ format: 'jwt' }))).toMatchObject({
    aud: [audience],
    scp: ['read'],
    nbf: expect.any(Number),
  });
});

test('in the Authelia flavour a refresh token introspects as active', async () => {
  await using app = await startOidc({ flavour: 'authelia' });
  const { clients, paths, audience } = app.oidc;
  const { body: device } = await app.post(paths.deviceAuthorization, {
    client_id: clients.cli.id,
    scope: 'read offline_access',
  });
  await app.oidc.approveDevice(device.user_code);
  const { body: tokens } = await app.post(paths.token, {
    grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
    client_id: clients.cli.id,
    device_code: device.device_code,
  });
  expect(tokens.access_token).toMatch(/^authelia_at_/);
  expect(tokens.refresh_token).toMatch(/^authelia_rt_/);
  const { body } = await app.post(
    paths.introspection,
    { token: tokens.refresh_token },
    clients.api,
  );
  expect(body).toMatchObject({ active: true, aud: [audience], client_id: clients.cli.id });
});

const authelia = { flavour: 'authelia' } as const;

/** What the device flow gives a person. */
async function logIn(app: Awaited<ReturnType<typeof startOidc>>) {
  const client_id = app.oidc.clients.cli.id;
  const { paths } = app.oidc;
  const { body: device } = await app.post(paths.deviceAuthorization, {
    client_id,
    scope: 'read admin offline_access',
  });
  await app.oidc.approveDevice(device.user_code);
  const { body } = await app.post(paths.token, {
    grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
    client_id,
    device_code: device.device_code,
  });
  const renew = (refresh_token: string) =>
    app.post(paths.token, { grant_type: 'refresh_token', client_id, refresh_token });
  const isActive = async (token: string) => {
    const answer = await app.post(paths.introspection, { token }, app.oidc.clients.api);
    return answer.body.active;
  };
  return { body, renew, isActive };
}

test('a renewal revokes the former access token, and a refresh token used twice the whole family', async () => {
  await using app = await startOidc(authelia);
  const { body: first, renew, isActive } = await logIn(app);
  expect(await isActive(first.access_token)).toBe(true);
  const { body: second } = await renew(first.refresh_token);
  expect(second.access_token).toMatch(/^authelia_at_/);
  expect(await isActive(first.access_token)).toBe(false);
  expect(await isActive(second.access_token)).toBe(true);
  expect(await renew(first.refresh_token)).toMatchObject({
    status: 400,
    body: { error: 'invalid_grant' },
  });
  expect(await isActive(second.access_token)).toBe(false);
  expect(await renew(second.refresh_token)).toMatchObject({ body: { error: 'invalid_grant' } });
});

test('a client without the device grant is refused with invalid_grant', async () => {
  await using app = await startOidc(authelia);
  const { reader } = app.oidc.clients;
  const answer = await app.post(app.oidc.paths.deviceAuthorization, { scope: 'read' }, reader);
  expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
});

test('an audience that the client may not have is invalid_request, and resource means nothing', async () => {
  await using app = await startOidc(authelia);
  const { paths, clients, audience } = app.oidc;
  const other = 'https://other.example/api';
  const refusal = {
    status: 400,
    body: {
      error: 'invalid_request',
      error_description: expect.stringContaining('has not been whitelisted'),
    },
  };
  const person = (form: Record<string, string>) =>
    app.post(paths.deviceAuthorization, { client_id: clients.cli.id, scope: 'read', ...form });
  const machine = (form: Record<string, string>) =>
    app.post(paths.token, { grant_type: 'client_credentials', ...form }, clients.opaqueReader);
  for (const ask of [person, machine]) {
    expect(await ask({ audience: other })).toMatchObject(refusal);
    expect(await ask({ audience: `${audience} ${other}` })).toMatchObject(refusal);
    expect(await ask({ audience, resource: other })).toMatchObject({ status: 200 });
  }
  const { body } = await machine({ resource: other, scope: 'read' });
  const answer = await app.post(paths.introspection, { token: body.access_token }, clients.api);
  expect(answer.body).toMatchObject({ active: true, aud: [audience], scope: 'read' });
});

test('of two renewals at once one is invalid_request, and the other succeeds', async () => {
  let open = () => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  await using app = await startOidc({ ...authelia, duringRenewal: () => gate });
  const { body, renew, isActive } = await logIn(app);
  const first = renew(body.refresh_token);
  await expect.poll(() => app.oidc.count(app.oidc.paths.token)).toBe(2);
  expect(await renew(body.refresh_token)).toMatchObject({
    status: 400,
    body: {
      error: 'invalid_request',
      error_description: expect.stringContaining('multiple concurrent requests'),
    },
  });
  open();
  const { body: renewed } = await first;
  expect(await isActive(renewed.access_token)).toBe(true);
});

test('after 30 unknown tokens one question a minute is left, and good ones do not count', async () => {
  let nowMs = 0;
  await using app = await startOidc({ ...authelia, rateLimits: true, now: () => nowMs });
  const ask = async (token: string) =>
    (await app.post(app.oidc.paths.introspection, { token }, app.oidc.clients.api)).status;
  const good = await app.oidc.tokens.read();
  for (let count = 0; count < 40; count += 1) expect(await ask(good)).toBe(200);
  for (let count = 0; count < 30; count += 1) expect(await ask('garbage')).toBe(200);
  expect(await ask('garbage')).toBe(429);
  expect(await ask(good)).toBe(429);
  nowMs += 60_000;
  expect([await ask(good), await ask('garbage'), await ask('garbage')]).toEqual([200, 200, 429]);
  // The buckets of the longer periods are empty as well after a while.
  for (let minute = 0; minute < 60; minute += 1) {
    nowMs += 60_000;
    await ask('garbage');
  }
  nowMs += 60_000;
  expect(await ask('garbage')).toBe(429);
});
