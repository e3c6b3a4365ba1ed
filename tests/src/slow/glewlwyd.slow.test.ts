// The product at a real glewlwyd.

import { beforeAll, expect, test } from 'vitest';
import { type Cli, startCli } from '../login/start-cli.ts';
import { openSuite } from '../support/disposer.ts';
import { type App, startApp } from '../support/start-sandbox-and-api.ts';
import { expectRenewedLogin } from './expect-renewed-login.ts';
import { type Glewlwyd, glewlwydNeeds, startGlewlwyd } from './glewlwyd.ts';
import { describeIfInstalled } from './issuer-process.ts';

describeIfInstalled('glewlwyd', glewlwydNeeds, () => {
  let glewlwyd: Glewlwyd;
  let app: App;
  let cli: Cli;
  beforeAll(() =>
    openSuite(async (opened) => {
      glewlwyd = opened.use(await startGlewlwyd());
      const { issuer, audience, machine } = glewlwyd;
      app = opened.use(
        await startApp({
          env: {
            OIDC_ISSUER: issuer,
            OIDC_AUDIENCE: audience,
            OIDC_CLIENT_ID: machine.id,
            OIDC_CLIENT_SECRET: machine.secret,
          },
        }),
      );
      cli = opened.use(await startCli({ ONDEMAND_URL: app.url }));
    }),
  );

  const machineLogin = async (secret: string, more = '') =>
    `login --client-id ${glewlwyd.machine.id} --client-secret-file ${await cli.write('secret', secret)}${more}`;

  test('a machine logs in by a secret of all unreserved characters, and its token is renewed', async () => {
    await expectRenewedLogin({ app, cli }, await machineLogin(glewlwyd.machine.secret));
  });

  test.each([
    ['a wrong secret', 'wrong', '', /refused \(HTTP 403\).*check that the client 'machine'/],
    [
      'a scope that it may not have',
      'a-b_c.d~e!f',
      ' --scope nonsense',
      /does not give the client 'machine' the scopes 'nonsense'/,
    ],
    [
      'an audience that it may not have',
      'a-b_c.d~e!f',
      ' --audience https://other.example',
      /no tokens for the audience 'https:\/\/other\.example'|The token is meant for another audience/,
    ],
  ])('%s is told', async (_, secret, more, words) => {
    const result = await cli.run(await machineLogin(secret, more));
    expect(result).toMatchObject({ exitCode: 3, stdout: '' });
    expect(result.stderr).toMatch(words);
  });

  test('tokens that it does not know are refused, and the API says no more than that', async () => {
    const answer = await app.get('/containers', { token: 'garbage' });
    expect(answer.status).toBe(401);
    expect(answer.headers.get('www-authenticate')).toContain('error="invalid_token"');
  });

  test('a person logs in by the device grant, ten processes share a renewal, and a dead login says to log in again', async () => {
    const login = await cli.startLogin();
    await glewlwyd.approve(login.userCode);
    expect(await login.result).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/^Logged in at \S+ as \S+ \(read, wake, admin\)\n$/),
    });
    const first = await cli.readLogin(app.url);
    for (const _round of [1, 2]) {
      await cli.endAccessToken(app.url);
      const results = await Promise.all(
        Array.from({ length: 10 }, () => cli.start('ps -q').result),
      );
      expect(results.map(({ exitCode, stderr }) => `${exitCode}${stderr}`)).toEqual(
        Array(10).fill('0'),
      );
    }
    const renewed = await cli.readLogin(app.url);
    expect(renewed.refreshToken).not.toBe(first.refreshToken);
    await cli.storeLogin(app.url, { ...renewed, refreshToken: first.refreshToken ?? '' });
    await cli.endAccessToken(app.url);
    const dead = await cli.run('ps -q');
    expect(dead).toMatchObject({ exitCode: 3, stdout: '' });
    expect(dead.stderr).toMatch(/run ondemand login/);
  });

  test('a key that is replaced works at once', async () => {
    await glewlwyd.replaceKey();
    expect(await cli.run(await machineLogin(glewlwyd.machine.secret))).toMatchObject({
      exitCode: 0,
    });
    expect(await cli.run('ps -q')).toMatchObject({ exitCode: 0, stderr: '' });
  });
});
