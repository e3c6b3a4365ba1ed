// A login that no signal, no other process and no refusal by the API ends by accident.

import { hostname } from 'node:os';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { until } from '../support/until.ts';
import { type ApiAndCli, startLoggedIn } from './start-api-and-cli.ts';

let world: ApiAndCli;
beforeAll(async () => {
  world = await startLoggedIn({ sandbox: { oidc: { flavour: 'authelia' } } });
});
afterEach(() => world.app.sandbox.faults.reset());
afterAll(() => world?.[Symbol.asyncDispose]());

const renewals = () => world.app.sandbox.oidc.count(world.app.sandbox.oidc.paths.token);

/** A command whose renewal is under way: the issuer has the request and takes its time. */
async function startRenewal(delayMs: number) {
  const { app, cli } = world;
  const { faults, oidc } = app.sandbox;
  await cli.endAccessToken(app.url);
  const before = await cli.readLogin(app.url);
  oidc.clear();
  faults.oidc.delayMs = delayMs;
  faults.oidc.only = ({ path }) => path === oidc.paths.token;
  const command = cli.start('ps -q');
  await until('the renewal', () => renewals() > 0);
  return { command, before };
}

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const)(
  '%s during a renewal loses nothing: what the issuer gives is stored, the lock is given back',
  async (signal, exitCode) => {
    const { app, cli } = world;
    const { command, before } = await startRenewal(1_500);
    command.child.kill(signal);
    command.child.kill(signal); // who insists waits as well
    expect(await command.result).toMatchObject({ exitCode, stdout: '' });
    expect((await cli.readLogin(app.url)).refreshToken).not.toBe(before.refreshToken);
    expect(Object.keys(await cli.readModes())).toEqual(['.', 'logins.json']);
    world.app.sandbox.faults.reset();
    const next = await cli.run('ps -q');
    expect(next).toMatchObject({ exitCode: 0 });
    expect(renewals()).toBe(1);
  },
);

test('a signal does not wait for ever for an issuer that does not answer', async () => {
  const { command } = await startRenewal(600_000);
  command.child.kill('SIGTERM');
  expect(await command.result).toMatchObject({ exitCode: 143 });
  expect(Object.keys(await world.cli.readModes())).toEqual(['.', 'logins.json']);
});

test('the lock of a process that was killed is taken at once', async () => {
  const { cli } = world;
  const { command } = await startRenewal(600_000);
  command.child.kill('SIGKILL');
  await command.result;
  world.app.sandbox.faults.reset();
  expect(Object.keys(await cli.readModes())).toContain('logins.json.lock');
  const next = await cli.run('ps -q');
  expect({ ...next, stderr: next.stderr }).toMatchObject({ exitCode: 0, stderr: '' });
  expect(next.stderr).not.toContain('another ondemand');
});

test('who waits for another process is told which one', async () => {
  const { app, cli } = world;
  const { command } = await startRenewal(600_000);
  const waiting = cli.start('ps -q');
  const process = `(process ${command.child.pid} on ${hostname()})`;
  await until('it to say for whom it waits', () => waiting.stderr().includes(process));
  app.sandbox.faults.reset();
  expect(await waiting.result).toMatchObject({ exitCode: 0 });
  expect(await command.result).toMatchObject({ exitCode: 0 });
  expect(command.stderr()).toBe(
    `ondemand: Waiting for the issuer ${app.sandbox.oidc.issuer} to renew the login\n`,
  );
});

test('an access token that the issuer does not know any more is renewed once, without a word', async () => {
  const { app, cli } = world;
  const login = await cli.readLogin(app.url);
  await cli.storeLogin(app.url, {
    ...login,
    accessToken: 'authelia_at_revoked',
    expiresAt: new Date(Date.now() + 3_600_000).toISOString(),
  });
  app.sandbox.oidc.clear();
  const result = await cli.run('restart nginx');
  expect(result).toMatchObject({ exitCode: 0 });
  expect(result.stderr).toBe('');
  expect(renewals()).toBe(1);
});

test('a follow ends at once when the renewal is refused', async () => {
  await using other = await startLoggedIn({ sandbox: { oidc: { accessTokenTtlSeconds: 8 } } });
  const { app, cli } = other;
  const { issuer, paths } = app.sandbox.oidc;
  const following = cli.start('logs nginx -f -n 1');
  await until('the stream', () => following.stdout() !== '');
  const { refreshToken = '' } = await cli.readLogin(app.url);
  await fetch(`${issuer}${paths.revocation}`, {
    method: 'POST',
    body: new URLSearchParams({ token: refreshToken, client_id: 'ondemand-cli' }),
  });
  const { exitCode, stderr } = await following.result;
  expect({ exitCode, stderr: stderr }).toEqual({
    exitCode: 3,
    stderr: 'ondemand: The stored login has ended and cannot be renewed; run ondemand login\n',
  });
});
