// The product at a real LemonLDAP::NG, whose access tokens are of typ JWT and whose issuer ends with a slash.

import { beforeAll, expect, test } from 'vitest';
import { type Cli, startCli } from '../login/start-cli.ts';
import { openSuite } from '../support/disposer.ts';
import { startServer } from '../support/start-api-process.ts';
import { type App, startApp } from '../support/start-sandbox-and-api.ts';
import { expectRenewedLogin } from './expect-renewed-login.ts';
import { describeIfInstalled } from './issuer-process.ts';
import { type Lemonldap, lemonldapNeeds, startLemonldap } from './lemonldap.ts';

describeIfInstalled('LemonLDAP::NG', lemonldapNeeds, () => {
  let lemonldap: Lemonldap;
  let app: App;
  let cli: Cli;
  beforeAll(() =>
    openSuite(async (opened) => {
      lemonldap = opened.use(await startLemonldap());
      app = opened.use(
        await startApp({ env: { ...toEnv(), OIDC_ACCESS_TOKEN_TYP: 'at+jwt,JWT' } }),
      );
      cli = opened.use(await startCli({ ONDEMAND_URL: app.url }));
    }),
  );

  const toEnv = () => ({
    OIDC_ISSUER: lemonldap.issuer,
    OIDC_AUDIENCE: lemonldap.audience,
    OIDC_CLIENT_ID: lemonldap.machine.id,
    OIDC_CLIENT_SECRET: lemonldap.machine.secret,
  });
  const machineLogin = async ({ id, secret }: Lemonldap['machine']) =>
    `login --client-id ${id} --client-secret-file ${await cli.write('secret', secret)}`;
  const whoami = async (token: string) => {
    const response = await app.get('/whoami', { token });
    return { status: response.status, body: (await response.json()) as { message?: string } };
  };

  test('a machine logs in by a secret that its Basic authentication cannot read, and its token is renewed', async () => {
    await expectRenewedLogin({ app, cli }, await machineLogin(lemonldap.machine));
  });

  test('an API that takes at+jwt alone names the typ and the setting', async () => {
    await using server = await startServer({ ...app.sandbox.env, ...toEnv() });
    const result = await cli.run(`${await machineLogin(lemonldap.machine)} --url ${server.url}`);
    expect(result).toMatchObject({ exitCode: 3, stdout: '' });
    expect(result.stderr).toMatch(/typ is JWT, not at\+jwt; .*OIDC_ACCESS_TOKEN_TYP/);
    expect(result.stderr).not.toContain('audience');
  });

  test('a wrong secret is told', async () => {
    const { id } = lemonldap.machine;
    const result = await cli.run(await machineLogin({ id, secret: 'wrong' }));
    expect(result).toMatchObject({ exitCode: 3, stdout: '' });
    expect(result.stderr).toMatch(/does not know the client 'machine', or not with this secret/);
  });

  test('an issuer without a device grant is told', async () => {
    const result = await cli.run('login');
    expect(result).toMatchObject({ exitCode: 1, stdout: '' });
    expect(result.stderr).toContain('its discovery document names no endpoint for that');
  });

  test('a person goes on by a refresh token that stays the same, and ten processes renew at once', async () => {
    const { access_token, refresh_token } = await lemonldap.signIn();
    expect(await whoami(access_token)).toMatchObject({
      status: 200,
      body: { sub: 'dwho', clientId: 'ondemand-cli', scopes: ['read', 'wake', 'admin'] },
    });
    await cli.storeLogin(app.url, {
      issuer: lemonldap.issuer,
      clientId: 'ondemand-cli',
      scope: 'openid read admin offline_access',
      accessToken: access_token,
      refreshToken: refresh_token,
      expiresAt: new Date().toISOString(),
    });
    const results = await Promise.all(Array.from({ length: 10 }, () => cli.start('ps -q').result));
    expect(results.map(({ exitCode, stderr }) => `${exitCode}${stderr}`)).toEqual(
      Array(10).fill('0'),
    );
    const renewed = await cli.readLogin(app.url);
    expect(renewed.accessToken).not.toBe(access_token);
    expect(renewed.refreshToken).toBe(refresh_token);
    await cli.storeLogin(app.url, { ...renewed, refreshToken: 'f'.repeat(64) });
    await cli.endAccessToken(app.url);
    const dead = await cli.run('ps -q'); // it says invalid_request, which another issuer says of two renewals at once
    expect(dead).toMatchObject({ exitCode: 6, stdout: '' });
    expect(dead.stderr).toContain('run ondemand login if it stays so');
  });

  test("a person's ID token is no access token", async () => {
    const { id_token } = await lemonldap.signIn();
    expect(await whoami(id_token)).toMatchObject({
      status: 401,
      body: { message: expect.stringContaining('not an access token') },
    });
  });

  test('opaque tokens, about which its answers name no audience, are refused for that', async () => {
    const result = await cli.run(await machineLogin(lemonldap.opaque));
    expect(result).toMatchObject({ exitCode: 3, stdout: '' });
    expect(result.stderr).toMatch(/The issuer's answer about the token has no aud/);
    expect(await whoami('garbage')).toMatchObject({ status: 401 });
  });
});
