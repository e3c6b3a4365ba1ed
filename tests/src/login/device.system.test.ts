// `ondemand login` by the device flow, from the discovery of the issuer to `logout`.

import { afterAll, beforeAll, expect, test as inOrder } from 'vitest';
import { type App, startAppHere } from '../support/start-sandbox-and-api.ts';
import { startApiAndCli, startLoggedIn } from './start-api-and-cli.ts';

/** Each test has a login of its own, and mostly waits. */
const test = inOrder.concurrent;

let app: App;
beforeAll(async () => {
  app = await startAppHere({ sandbox: { oidc: { deviceIntervalSeconds: 0.2 } } });
});
afterAll(() => app?.[Symbol.asyncDispose]());

test('an approved login is shown, kept for its user alone, and used by every command', async () => {
  await using world = await startApiAndCli({ app });
  const { cli } = world;
  const login = await cli.startLogin();
  expect(login.stderr()).toBe(
    `Open ${app.sandbox.oidc.issuer}/device?user_code=${login.userCode}\nand check that it shows the code ${login.userCode}\n`,
  );
  expect(await app.sandbox.oidc.approveDevice(login.userCode)).toBe(true);
  expect(await login.result).toMatchObject({
    exitCode: 0,
    stdout: `Logged in at ${app.url} as sandbox-user (read, wake, admin)\n`,
  });
  expect(await cli.readModes()).toEqual({ '.': '700', 'logins.json': '600' });

  const whoami = await cli.run('whoami');
  expect(whoami.stderr).toBe('');
  expect(whoami.stdout).toMatch(
    new RegExp(
      `^Subject +sandbox-user\nClient +ondemand-cli\nScopes +read, wake, admin\nExpires +in 11 hours \\(.*\\)\nContext +127\\.0\\.0\\.1:\\d+\nToken +from ondemand login\nAPI +${app.url}\n$`,
    ),
  );
  const json = JSON.parse((await cli.run('whoami --json')).stdout);
  expect(json).toMatchObject({ sub: 'sandbox-user', scopes: ['read', 'wake', 'admin'] });
  expect((await cli.run('restart nginx')).exitCode).toBe(0);

  // The last login is the default without ONDEMAND_URL.
  expect(await cli.run('ps -q', { env: { ONDEMAND_URL: '' } })).toMatchObject({ exitCode: 0 });
});

test('login --json prints what the API says of the token and nothing else on stdout; of any scope it can be renewed', async () => {
  await using world = await startApiAndCli({ app });
  const { cli } = world;
  const login = await cli.startLogin('--json --scope read');
  await app.sandbox.oidc.approveDevice(login.userCode);
  const { exitCode, stdout, stderr } = await login.result;
  expect(exitCode).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ sub: 'sandbox-user', scopes: ['read'] });
  expect(stderr).not.toContain('cannot be renewed');
  expect(await cli.run('restart nginx')).toMatchObject({ exitCode: 3 });
  await cli.endAccessToken(app.url);
  expect(await cli.run('ps -q')).toMatchObject({ exitCode: 0, stderr: '' });
});

test('tokens that cannot be kept after all are revoked', async () => {
  await using world = await startApiAndCli();
  const { app, cli } = world;
  const login = await cli.startLogin();
  await cli.write('ondemand/logins.json', 'no JSON');
  await app.sandbox.oidc.approveDevice(login.userCode);
  const { exitCode, stderr } = await login.result;
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(/\nondemand: .*logins\.json is not as ondemand writes it; .*\n$/);
  expect(app.sandbox.oidc.count('/token/revocation')).toBe(2);
});

test('a refused login changes nothing', async () => {
  await using world = await startApiAndCli({ app });
  const login = await world.cli.startLogin();
  expect(await world.app.sandbox.oidc.denyDevice(login.userCode)).toBe(true);
  const { exitCode, stdout, stderr } = await login.result;
  expect({ exitCode, stdout }).toEqual({ exitCode: 3, stdout: '' });
  expect(stderr.split('\n').at(-2)).toBe(
    'ondemand: The login was refused at the issuer; nothing changed',
  );
  expect(await world.cli.run('ps')).toMatchObject({ exitCode: 3 });
});

test('Ctrl-C ends the wait with 130', async () => {
  await using world = await startApiAndCli({ app });
  const login = await world.cli.startLogin();
  login.child.kill('SIGINT');
  const { exitCode, stderr } = await login.result;
  expect({ exitCode, last: stderr.split('\n').at(-2) }).toEqual({
    exitCode: 130,
    last: 'ondemand: Interrupted',
  });
});

test('an audience that the API does not have is told at once, and nothing is kept', async () => {
  await using world = await startApiAndCli({ app });
  const login = await world.cli.startLogin('--audience https://other.example/api');
  await world.app.sandbox.oidc.approveDevice(login.userCode);
  const { exitCode, stderr } = await login.result;
  expect(exitCode).toBe(3);
  expect(stderr).toMatch(
    /\nondemand: The API refuses the token that .* gave: .*audience.*'https:\/\/other.example\/api' was asked for: --audience.*\n$/,
  );
  expect(await world.cli.run('ps')).toMatchObject({ exitCode: 3 });
});

test('the right audience by name is as good as none', async () => {
  await using world = await startApiAndCli({ app });
  const { audience } = world.app.sandbox.oidc;
  const login = await world.cli.startLogin(`--audience ${audience}`);
  await world.app.sandbox.oidc.approveDevice(login.userCode);
  expect(await login.result).toMatchObject({ exitCode: 0 });
});

test('ONDEMAND_TOKEN wins over the login, and login says so', async () => {
  await using world = await startLoggedIn({ app });
  const env = { ONDEMAND_TOKEN: world.app.tokens.read };
  const { stdout } = await world.cli.run('whoami', { env });
  expect(stdout).toMatch(/Subject +ondemand-reader\n(.*\n)*Token +from ONDEMAND_TOKEN\n/);
  expect(await world.cli.run('restart nginx', { env })).toMatchObject({ exitCode: 3 });
});

test('logout revokes the refresh token, forgets the login, and says what could not be revoked', async () => {
  await using world = await startLoggedIn({ app });
  const { cli } = world;
  const { refreshToken = '' } = await cli.readLogin(app.url);
  const { exitCode, stdout, stderr } = await cli.run('logout');
  expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: `Logged out of ${app.url}\n` });
  expect(stderr).toMatch(
    /^ondemand: The access token could not be revoked: the issuer revokes none of its kind; it ends in 11 hours\n$/,
  );
  const refreshed = await fetch(`${app.sandbox.oidc.issuer}/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'refresh_token',
      client_id: 'ondemand-cli',
      refresh_token: refreshToken,
    }),
  });
  expect(await refreshed.json()).toMatchObject({ error: 'invalid_grant' });
  expect(await cli.run('whoami')).toMatchObject({ exitCode: 3 });
});

test('at an issuer like Authelia the tokens are opaque, renewed, and both ended by logout', async () => {
  await using world = await startApiAndCli({ sandbox: { oidc: { flavour: 'authelia' } } });
  const { app, cli } = world;
  const login = await cli.startLogin();
  await app.sandbox.oidc.approveDevice(login.userCode);
  expect(await login.result).toMatchObject({ exitCode: 0 });
  await cli.endAccessToken(app.url);
  expect(await cli.run('ps -q')).toMatchObject({ exitCode: 0, stderr: '' });
  const { accessToken, refreshToken } = await cli.readLogin(app.url);
  expect(`${accessToken} ${refreshToken}`).toMatch(/^authelia_at_\S+ authelia_rt_\S+$/);
  expect(await cli.run('logout')).toEqual({
    exitCode: 0,
    stdout: `Logged out of ${app.url}\n`,
    stderr: '',
  });
  const { issuer, clients } = app.sandbox.oidc;
  for (const token of [accessToken, refreshToken ?? '']) {
    const introspection = await fetch(`${issuer}/api/oidc/introspection`, {
      method: 'POST',
      headers: { authorization: `Basic ${btoa(`${clients.api.id}:${clients.api.secret}`)}` },
      body: new URLSearchParams({ token }),
    });
    expect(await introspection.json()).toEqual({ active: false });
  }
});
