// What people meet at an issuer like Authelia: its refusals in its own words, and no token that lives on unknown.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../support/until.ts';
import { type ApiAndCli, startApiAndCli } from './start-api-and-cli.ts';
import { startCli } from './start-cli.ts';

let world: ApiAndCli;
beforeAll(async () => {
  const oidc = { flavour: 'authelia', deviceIntervalSeconds: 0.2 } as const;
  world = await startApiAndCli({ sandbox: { oidc } });
});
afterAll(() => world?.[Symbol.asyncDispose]());

const oidc = () => world.app.sandbox.oidc;

async function logIn() {
  const login = await world.cli.startLogin();
  await oidc().approveDevice(login.userCode);
  expect(await login.result).toMatchObject({ exitCode: 0 });
  return world.cli.readLogin(world.app.url);
}

async function isActive(token = ''): Promise<boolean> {
  const { issuer, clients, paths } = oidc();
  const answer = await fetch(`${issuer}${paths.introspection}`, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa(`${clients.api.id}:${clients.api.secret}`)}` },
    body: new URLSearchParams({ token }),
  });
  const { active } = (await answer.json()) as { active: boolean }; // as RFC 7662 has it
  return active;
}

test.each(['', '--client-id ondemand-reader --client-secret-file '])(
  'an audience that is not whitelisted is told as such, in the words of the issuer: login %s',
  async (args) => {
    const { cli } = world;
    const file = await cli.write('secret', oidc().clients.reader.secret);
    const machine = args === '' ? '' : `${args}${file} --scope read`;
    const audience = '--audience https://other.example/api';
    const result = await cli.run(['login', machine, audience].filter(Boolean).join(' '));
    expect(result).toMatchObject({ exitCode: 3, stdout: '' });
    expect(result.stderr).toMatch(
      /^ondemand: The issuer \S+ \(it says: Requested audience has not been whitelisted by the OAuth 2\.0 Client\.\) refused \(invalid_request\).* for the audience 'https:\/\/other\.example\/api'; see --audience, and let the client '\S+' have it there\n$/,
    );
  },
);

test('a login that is replaced is revoked, and after three logins and a logout no token lives on', async () => {
  const { cli } = world;
  const first = await logIn();
  const second = await logIn();
  expect([await isActive(first.refreshToken), await isActive(first.accessToken)]).toEqual([
    false,
    false,
  ]);
  expect([await isActive(second.refreshToken), await isActive(second.accessToken)]).toEqual([
    true,
    true,
  ]);
  const third = await logIn();
  expect(await isActive(third.refreshToken)).toBe(true);
  expect(await cli.run('logout')).toMatchObject({ exitCode: 0, stderr: '' });
  for (const { accessToken, refreshToken } of [first, second, third])
    expect([await isActive(accessToken), await isActive(refreshToken)]).toEqual([false, false]);
});

test('of two machines that renew one login at the same time, one is told to try again, and its login is kept', async () => {
  const { app } = world;
  const login = await logIn();
  await using other = await startCli({ ONDEMAND_URL: app.url });
  await other.storeLogin(app.url, login);
  oidc().clear();
  const renewals = () => oidc().count(oidc().paths.token);
  oidc().settings.duringRenewal = async () => {
    await until('the other renewal', () => renewals() > 1);
  };
  const results = await Promise.all(
    [world.cli, other].map(async (cli) => {
      await cli.endAccessToken(app.url);
      return { cli, ...(await cli.start('ps -q').result) };
    }),
  );
  oidc().settings.duringRenewal = async () => {};
  const [winner, loser] = results.toSorted((a, b) => a.exitCode - b.exitCode);
  expect(winner).toMatchObject({ exitCode: 0, stderr: '' });
  expect(loser).toMatchObject({ exitCode: 6, stdout: '' });
  expect(loser?.stderr).toMatch(
    /^ondemand: The issuer \S+ did not renew the login \(invalid_request\), perhaps for another renewal at the same time; try again, .*; it says: Failed to refresh token because of multiple concurrent requests .*\n$/,
  );
  expect((await loser?.cli.readLogin(app.url))?.refreshToken).toBe(login.refreshToken);
});
