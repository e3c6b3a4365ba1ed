// A login that goes on by itself: renewed before its token ends, by one process at a time, honest when it cannot.

import { expect, test as inOrder } from 'vitest';
import { until } from '../support/until.ts';
import { startLoggedIn } from './start-api-and-cli.ts';

/** Each test has a world of its own, in which it mostly waits. */
const test = inOrder.concurrent;

const shortLived = { sandbox: { oidc: { accessTokenTtlSeconds: 45 } } };

test('a token that is about to end is renewed before the call, and the refresh token with it', async () => {
  await using world = await startLoggedIn(shortLived);
  const { app, cli } = world;
  const first = await cli.readLogin(app.url);
  expect(await cli.run('ps -q')).toMatchObject({ exitCode: 0, stderr: '' });
  const second = await cli.readLogin(app.url);
  expect(second.accessToken).not.toBe(first.accessToken);
  expect(second.refreshToken).not.toBe(first.refreshToken);
  expect(await cli.run('ps -q')).toMatchObject({ exitCode: 0, stderr: '' });
  expect(await cli.readModes()).toEqual({ '.': '700', 'logins.json': '600' });
});

test('a token that still has time is not renewed', async () => {
  await using world = await startLoggedIn();
  world.app.sandbox.oidc.clear();
  await world.cli.run('ps -q');
  expect(world.app.sandbox.oidc.count('/token')).toBe(0);
});

test('processes that renew at the same time ask the issuer once and burn no refresh token', async () => {
  await using world = await startLoggedIn();
  const { app, cli } = world;
  for (const _round of [1, 2]) {
    await cli.endAccessToken(app.url);
    app.sandbox.oidc.clear();
    const results = await Promise.all([1, 2, 3, 4].map(() => cli.start('ps -q').result));
    expect(results.map(({ exitCode, stderr }) => `${exitCode}${stderr}`)).toEqual(
      Array(4).fill('0'),
    );
    expect(app.sandbox.oidc.count('/token')).toBe(1);
  }
});

test('a process killed while it renews leaves the login usable', async () => {
  await using world = await startLoggedIn();
  const { app, cli } = world;
  await cli.endAccessToken(app.url);
  app.sandbox.oidc.clear();
  app.sandbox.faults.oidc.hangs = true;
  const hung = cli.start('ps -q');
  await until('the renewal to reach the issuer', () => app.sandbox.oidc.requests.length > 0);
  hung.child.kill('SIGKILL');
  await hung.result;
  app.sandbox.faults.reset();
  expect(Object.keys(await cli.readModes())).toContain('logins.json.lock');
  await cli.ageLock();
  expect(await cli.run('ps -q')).toMatchObject({ exitCode: 0, stderr: '' });
  expect(Object.keys(await cli.readModes())).toEqual(['.', 'logins.json']);
});

test('Ctrl-C during a renewal gives the lock back', async () => {
  await using world = await startLoggedIn();
  const { app, cli } = world;
  await cli.endAccessToken(app.url);
  app.sandbox.oidc.clear();
  app.sandbox.faults.oidc.hangs = true;
  const hung = cli.start('ps -q');
  await until('the renewal to reach the issuer', () => app.sandbox.oidc.requests.length > 0);
  hung.child.kill('SIGINT');
  expect(await hung.result).toMatchObject({ exitCode: 130 });
  expect(Object.keys(await cli.readModes())).toEqual(['.', 'logins.json']);
});

test('a refresh token that is dead says to log in again', async () => {
  await using world = await startLoggedIn();
  const { app, cli } = world;
  const { refreshToken = '' } = await cli.readLogin(app.url);
  await fetch(`${app.sandbox.oidc.issuer}/token/revocation`, {
    method: 'POST',
    body: new URLSearchParams({ token: refreshToken, client_id: 'ondemand-cli' }),
  });
  await cli.endAccessToken(app.url);
  expect(await cli.run('ps')).toEqual({
    exitCode: 3,
    stdout: '',
    stderr: 'ondemand: The stored login has ended and cannot be renewed; run ondemand login\n',
  });
});

test.each([
  ['down', { down: true }],
  ['silent', { hangs: true }],
  ['failing', { status: 500 }],
  ['throttling', { status: 429 }],
  ['a web page', { html: '<p>Welcome</p>' }],
])('an issuer that is %s when the token has ended is unavailability', async (_what, fault) => {
  await using world = await startLoggedIn();
  const { app, cli } = world;
  await cli.endAccessToken(app.url);
  Object.assign(app.sandbox.faults.oidc, fault);
  const result = await cli.run('ps');
  expect(result).toMatchObject({ exitCode: 6, stdout: '' });
  expect(result.stderr).toMatch(/^ondemand: The issuer \S+ does not answer as one \(.*\n$/);
  app.sandbox.faults.reset();
  // The API may have met the fault as well, and leaves the issuer alone for five seconds then.
  await until('the API to check tokens again', async () => (await app.get('/whoami')).ok);
  expect(await cli.run('ps')).toMatchObject({ exitCode: 0 });
});

test('an issuer that is down does not matter while the token holds', async () => {
  await using world = await startLoggedIn(shortLived);
  await world.cli.run('ps -q'); // the API has the issuer's keys now
  world.app.sandbox.faults.oidc.down = true;
  expect(await world.cli.run('ps -q')).toMatchObject({ exitCode: 0, stderr: '' });
});

test('a followed log goes on when the issuer was down at the moment its token ended', async () => {
  await using world = await startLoggedIn({ sandbox: { oidc: { accessTokenTtlSeconds: 7 } } });
  const { faults, oidc } = world.app.sandbox;
  const following = world.cli.start('logs nginx -f -n 1');
  await until('the first line', () => following.stdout() !== '');
  oidc.clear();
  faults.oidc.status = 500;
  await until('the end of the token', () => oidc.requests.length > 0);
  faults.reset();
  const before = following.stdout();
  await until('a line of the new stream', () => following.stdout() !== before);
  following.child.kill('SIGINT');
  expect(await following.result).toMatchObject({ exitCode: 130, stderr: '' });
});

test('login at an issuer that is down is unavailability', async () => {
  await using world = await startLoggedIn();
  world.app.sandbox.faults.oidc.down = true;
  const result = await world.cli.run('login');
  expect(result).toMatchObject({ exitCode: 6, stdout: '' });
  expect(result.stderr).toMatch(/^ondemand: The issuer .*\n$/);
});
