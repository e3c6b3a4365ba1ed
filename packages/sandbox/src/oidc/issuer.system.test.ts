import { createPublicKey, verify } from 'node:crypto';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { expect, test } from 'vitest';
import { startOidc } from '../testing/oidc.test-support.ts';

test('discovery names the issuer exactly and every endpoint on it', async () => {
  await using app = await startOidc();
  const { issuer } = app.oidc;
  const document = await (await fetch(`${issuer}/.well-known/openid-configuration`)).json();
  expect(document).toMatchObject({
    issuer,
    jwks_uri: `${issuer}/jwks`,
    token_endpoint: `${issuer}/token`,
    introspection_endpoint: `${issuer}/token/introspection`,
    revocation_endpoint: `${issuer}/token/revocation`,
    device_authorization_endpoint: `${issuer}/device/auth`,
  });
});

test.each(['RS256', 'ES256'] as const)(
  'a %s access token verifies against the JWKS',
  async (alg) => {
    await using app = await startOidc({ signingAlgorithm: alg });
    const { payload, protectedHeader } = await app.verify(await app.oidc.tokens.admin());
    expect(protectedHeader).toMatchObject({ alg, typ: 'at+jwt', kid: expect.any(String) });
    expect(payload).toMatchObject({
      scope: 'read admin',
      client_id: 'ondemand-admin',
      sub: 'ondemand-admin',
    });
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(12 * 3600);
  },
);

test('a read token has the scope read alone', async () => {
  await using app = await startOidc();
  const { payload } = await app.verify(await app.oidc.tokens.read());
  expect(payload.scope).toBe('read');
});

test('scopes come as an scp array where the settings ask for Authelia’s form', async () => {
  await using app = await startOidc({ scopeClaim: 'scp' });
  const { payload } = await app.verify(await app.oidc.tokens.admin());
  expect(payload.scp).toEqual(['read', 'admin']);
  expect(payload).not.toHaveProperty('scope');
});

test.each(['plain', 'authelia'] as const)(
  'a token for another resource has that audience: %s',
  async (flavour) => {
    await using app = await startOidc({ flavour });
    const resource = 'https://other.example/api';
    const token = await app.oidc.tokens.read({ format: 'jwt', resource });
    expect([decodeJwt(token).aud].flat()).toEqual([resource]);
  },
);

test('an opaque token introspects as active with its scopes until it is revoked', async () => {
  await using app = await startOidc();
  const token = await app.oidc.tokens.admin({ format: 'opaque' });
  expect(token).not.toContain('.');
  expect((await app.introspect(token)).body).toMatchObject({
    active: true,
    scope: 'read admin',
    aud: app.oidc.audience,
    client_id: 'ondemand-admin-opaque',
    token_type: 'Bearer',
    iss: app.oidc.issuer,
  });
  await app.oidc.tokens.revoke(token);
  expect((await app.introspect(token)).body).toEqual({ active: false });
});

test('introspection refuses a wrong secret, and other clients learn nothing', async () => {
  await using app = await startOidc();
  const token = await app.oidc.tokens.read({ format: 'opaque' });
  expect((await app.introspect(token, { id: 'ondemand-api', secret: 'wrong' })).status).toBe(401);
  expect((await app.introspect(token, app.oidc.clients.reader)).body).toEqual({ active: false });
  expect((await app.introspect('garbage')).body).toEqual({ active: false });
});

test('a token endpoint refuses a scope that the client may not have', async () => {
  await using app = await startOidc();
  const form = { grant_type: 'client_credentials', scope: 'admin' };
  const refused = await app.post('/token', form, app.oidc.clients.reader);
  expect([refused.status, refused.body.error]).toEqual([400, 'invalid_scope']);
});

test('the device flow gives a person’s tokens after approval, and a refresh token that works', async () => {
  await using app = await startOidc();
  const client_id = app.oidc.clients.cli.id;
  const grant_type = 'urn:ietf:params:oauth:grant-type:device_code';
  const scope = 'read admin offline_access';
  const { body: device } = await app.post('/device/auth', { client_id, scope });
  expect(device.verification_uri).toBe(`${app.oidc.issuer}/device`);
  const poll = () => app.post('/token', { grant_type, client_id, device_code: device.device_code });
  expect((await poll()).body.error).toBe('authorization_pending');

  const page = await (await fetch(device.verification_uri_complete)).text();
  expect(page).toContain(device.user_code);
  const allowed = await app.post('/device', {
    user_code: device.user_code.toLowerCase(),
    decision: 'allow',
  });
  expect(allowed.status).toBe(200);

  const { status, body: tokens } = await poll();
  expect(status).toBe(200);
  const { payload } = await app.verify(tokens.access_token);
  expect(payload).toMatchObject({ sub: 'sandbox-user', client_id, scope: 'read admin' });
  const refreshed = await app.post('/token', {
    grant_type: 'refresh_token',
    client_id,
    refresh_token: tokens.refresh_token,
  });
  expect((await app.verify(refreshed.body.access_token)).payload.scope).toBe('read admin');
});

test('the device flow gives no refresh token without offline_access', async () => {
  await using app = await startOidc();
  const client_id = app.oidc.clients.cli.id;
  const { body: device } = await app.post('/device/auth', { client_id, scope: 'read' });
  expect(await app.oidc.approveDevice(device.user_code)).toBe(true);
  const { body } = await app.post('/token', {
    grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
    client_id,
    device_code: device.device_code,
  });
  expect(body.scope).toBe('read');
  expect(body).not.toHaveProperty('refresh_token');
});

test('a refused device hears access_denied, and an unknown code is 404', async () => {
  await using app = await startOidc();
  const client_id = app.oidc.clients.cli.id;
  const { body: device } = await app.post('/device/auth', { client_id, scope: 'read' });
  expect(await app.oidc.denyDevice(device.user_code)).toBe(true);
  expect(await app.oidc.approveDevice(device.user_code)).toBe(false);
  const { body } = await app.post('/token', {
    grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
    client_id,
    device_code: device.device_code,
  });
  expect(body.error).toBe('access_denied');
  expect((await app.post('/device', { user_code: 'NONE', decision: 'allow' })).status).toBe(404);
});

test('the device page shows a user code as text, never as markup', async () => {
  await using app = await startOidc();
  const page = await (await fetch(`${app.oidc.issuer}/device?user_code=%22%3E%3Cscript%3E`)).text();
  expect(page).not.toContain('<script>');
});

test('sign() signs any claims and headers with the issuer’s key', async () => {
  await using app = await startOidc();
  const { payload } = await app.verify(app.oidc.sign({ scope: 'read', extra: 1 }));
  expect(payload).toMatchObject({ scope: 'read', extra: 1, aud: app.oidc.audience });
  const { protectedHeader } = await app.verify(app.oidc.sign({}, { alg: 'ES256' }));
  expect(protectedHeader.alg).toBe('ES256');
  expect(decodeJwt(app.oidc.sign({ exp: undefined }))).not.toHaveProperty('exp');
  expect(decodeProtectedHeader(app.oidc.sign({}, { kid: undefined, typ: 'JWT' }))).toEqual({
    alg: 'RS256',
    typ: 'JWT',
  });
  const infinite = app.oidc.sign('{"exp":1e999}');
  expect(Buffer.from(infinite.split('.')[1] ?? '', 'base64url').toString()).toBe('{"exp":1e999}');
});

test('sign() signs EdDSA with the Ed25519 key of the JWKS', async () => {
  await using app = await startOidc();
  const token = app.oidc.sign({}, { alg: 'EdDSA' });
  const { keys } = JSON.parse(await (await fetch(`${app.oidc.issuer}/jwks`)).text());
  const { kid, alg } = decodeProtectedHeader(token);
  expect(alg).toBe('EdDSA');
  const key = keys.find((candidate: { kid: string }) => candidate.kid === kid);
  // By Node's own crypto: jose uses Web Crypto, whose Ed25519 warns on the earlier Node 20 and 22.
  const [header, payload, signature = ''] = token.split('.');
  const publicKey = createPublicKey({ key, format: 'jwk' });
  const signed = Buffer.from(`${header}.${payload}`);
  expect(verify(null, signed, publicKey, Buffer.from(signature, 'base64url'))).toBe(true);
});

test('signForeign() looks the same and does not verify', async () => {
  await using app = await startOidc();
  const own = decodeProtectedHeader(app.oidc.sign());
  const foreign = app.oidc.signForeign();
  expect(decodeProtectedHeader(foreign)).toEqual(own);
  await expect(app.verify(foreign)).rejects.toThrow('signature verification failed');
});

test('rotated keys void older JWTs, unless they are kept; opaque tokens live on', async () => {
  await using app = await startOidc();
  const [before, opaque] = await Promise.all([
    app.oidc.tokens.read(),
    app.oidc.tokens.read({ format: 'opaque' }),
  ]);
  await app.oidc.rotateKeys({ keepOld: true });
  const between = await app.oidc.tokens.read();
  expect(decodeProtectedHeader(between).kid).not.toBe(decodeProtectedHeader(before).kid);
  await Promise.all([app.verify(before), app.verify(between)]);
  await app.oidc.rotateKeys();
  await expect(app.verify(before)).rejects.toThrow('no applicable key');
  await expect(app.verify(between)).rejects.toThrow('no applicable key');
  await app.verify(await app.oidc.tokens.read());
  expect((await app.introspect(opaque)).body.active).toBe(true);
});

test('faults are what the caller gets, limited to the paths asked for', async () => {
  await using app = await startOidc();
  const { oidc } = app.faults;
  const getJwks = () => fetch(`${app.oidc.issuer}/jwks`, { redirect: 'manual' });
  oidc.only = ({ path }) => path === '/jwks';
  oidc.down = true;
  await expect(getJwks()).rejects.toThrow();
  await app.oidc.tokens.read();
  oidc.down = undefined;
  Object.assign(oidc, { status: 429, retryAfterSeconds: 3 });
  const throttled = await getJwks();
  expect([throttled.status, throttled.headers.get('retry-after')]).toEqual([429, '3']);
  Object.assign(oidc, { status: undefined, html: '<p>Maintenance</p>' });
  const html = await getJwks();
  expect([html.status, html.headers.get('content-type')]).toEqual([
    200,
    'text/html; charset=utf-8',
  ]);
  Object.assign(oidc, { html: undefined, redirectTo: 'http://127.0.0.1:1/' });
  expect((await getJwks()).headers.get('location')).toBe('http://127.0.0.1:1/');
  Object.assign(oidc, { redirectTo: undefined, json: { keys: [] } });
  expect(await (await getJwks()).json()).toEqual({ keys: [] });
  app.faults.reset();
  expect(JSON.parse(await (await getJwks()).text()).keys).toHaveLength(3);
  expect(app.oidc.count('/jwks')).toBe(6);
});

test('a hanging request ends when the issuer closes', async () => {
  const app = await startOidc();
  app.faults.oidc.hangs = true;
  const hanging = fetch(`${app.oidc.issuer}/jwks`);
  hanging.catch(() => undefined); // expected below, after the issuer closed
  await expect.poll(() => app.oidc.count('/jwks')).toBe(1);
  await app.oidc[Symbol.asyncDispose]();
  await expect(hanging).rejects.toThrow();
});
