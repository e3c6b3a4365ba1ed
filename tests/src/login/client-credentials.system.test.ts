// `ondemand login` of a machine, by its client's id and secret.

import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test as inOrder } from 'vitest';
import { type App, startAppHere } from '../support/start-sandbox-and-api.ts';
import { startApiAndCli } from './start-api-and-cli.ts';

/** Each test has a login of its own, and mostly waits. */
const test = inOrder.concurrent;

let app: App;
beforeAll(async () => {
  app = await startAppHere();
});
afterAll(() => app?.[Symbol.asyncDispose]());

test('a client logs in by its secret file, which is read again to renew and never copied', async () => {
  await using world = await startApiAndCli({ app });
  const { cli } = world;
  const { id, secret } = app.sandbox.oidc.clients.admin;
  const file = await cli.write('secret', `${secret}\n`);
  const login = await cli.run(`login --client-id ${id} --client-secret-file ${file}`);
  expect(login).toEqual({
    exitCode: 0,
    stdout: `Logged in at ${app.url} as ${id} (read, wake, admin)\n`,
    stderr: '',
  });
  expect(await cli.run('whoami')).toMatchObject({ exitCode: 0, stderr: '' });
  const stored = await cli.readLogin(app.url);
  expect(JSON.stringify(stored)).not.toContain(secret);

  await cli.endAccessToken(app.url);
  expect(await cli.run('ps -q')).toMatchObject({ exitCode: 0, stderr: '' });
  expect((await cli.readLogin(app.url)).accessToken).not.toBe(stored.accessToken);

  await cli.endAccessToken(app.url);
  await cli.write('secret', 'another');
  const wrong = await cli.run('ps -q');
  expect(wrong).toMatchObject({ exitCode: 3, stdout: '' });
  expect(wrong.stderr).toMatch(/^ondemand: .*does not know the client .*\n$/);

  await rm(file);
  const gone = await cli.run('ps -q');
  expect(gone).toMatchObject({ exitCode: 3, stdout: '' });
  expect(gone.stderr).toBe(
    `ondemand: The stored login has ended, and to renew it takes its secret: The client secret cannot be read from ${file} (ENOENT); put it back there, or run ondemand login\n`,
  );
});

test('a secret from standard input is not kept, so the login is not renewed', async () => {
  await using world = await startApiAndCli({ app });
  const { cli } = world;
  const { id, secret } = app.sandbox.oidc.clients.reader;
  const login = await cli.run(`login --client-id ${id} --client-secret-file - --scope read`, {
    input: `${secret}\n`,
  });
  expect(login).toMatchObject({
    exitCode: 0,
    stdout: `Logged in at ${app.url} as ${id} (read)\n`,
    stderr: expect.stringContaining('cannot be renewed'),
  });
  await cli.endAccessToken(app.url);
  expect(await cli.run('ps')).toEqual({
    exitCode: 3,
    stdout: '',
    stderr: 'ondemand: The stored login has ended and cannot be renewed; run ondemand login\n',
  });
});

test('a wrong secret and a scope that the client may not have are one line each', async () => {
  await using world = await startApiAndCli({ app });
  const { cli } = world;
  const { id, secret } = app.sandbox.oidc.clients.reader;
  const login = `login --client-id ${id} --client-secret-file -`;
  const wrong = await cli.run(login, { input: 'wrong' });
  expect(wrong).toMatchObject({ exitCode: 3, stdout: '' });
  expect(wrong.stderr).toMatch(/^ondemand: .*does not know the client 'ondemand-reader'.*\n$/);
  const scope = await cli.run(login, { input: secret });
  expect(scope).toMatchObject({ exitCode: 3, stdout: '' });
  expect(scope.stderr).toMatch(/^ondemand: .*the scopes 'read admin'; .*--scope\n$/);
});

test('an opaque token is revoked by logout', async () => {
  await using world = await startApiAndCli({ app });
  const { cli } = world;
  const { clients, issuer } = app.sandbox.oidc;
  const file = await cli.write('secret', clients.opaqueAdmin.secret);
  const login = `login --client-id ${clients.opaqueAdmin.id} --client-secret-file ${file}`;
  expect(await cli.run(login)).toMatchObject({ exitCode: 0 });
  const { accessToken } = await cli.readLogin(app.url);
  const { exitCode, stdout, stderr } = await cli.run('logout --json');
  expect({ exitCode, stderr, result: JSON.parse(stdout) }).toEqual({
    exitCode: 0,
    stderr: '',
    result: { url: app.url, removed: true, revoked: ['access_token'], notRevoked: [] },
  });
  const { id, secret } = clients.api;
  const introspection = await fetch(`${issuer}/token/introspection`, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa(`${id}:${secret}`)}` },
    body: new URLSearchParams({ token: accessToken }),
  });
  expect(await introspection.json()).toEqual({ active: false });
});

test('a login that the environment keeps from being used says so; the issuer can be named', async () => {
  await using world = await startApiAndCli({ app });
  const { cli } = world;
  const { id, secret } = app.sandbox.oidc.clients.admin;
  const file = await cli.write('secret', secret);
  const { issuer } = app.sandbox.oidc;
  const login = `login --url ${app.url} --issuer ${issuer} --client-id ${id} --client-secret-file ${file}`;
  const env = { ONDEMAND_TOKEN: app.tokens.read, ONDEMAND_URL: 'http://127.0.0.1:9' };
  expect(await cli.run(login, { env })).toMatchObject({
    exitCode: 0,
    stderr:
      'ondemand: ONDEMAND_TOKEN is set and wins over this login; unset it to use the login\nondemand: ONDEMAND_URL is set and wins over this login; unset it to use the login\n',
  });
  expect(await cli.run('whoami', { env: { ONDEMAND_URL: '' } })).toMatchObject({ exitCode: 0 });
});

test('an API that fails does not lose a login, which is kept and checked later', async () => {
  await using world = await startApiAndCli();
  const { app, cli } = world;
  const { id, secret } = app.sandbox.oidc.clients.admin;
  const file = await cli.write('secret', secret);
  // The API asks for the keys, or about the token, and gets no answer.
  app.sandbox.faults.oidc.only = ({ path }) => /jwks|introspection/.test(path);
  app.sandbox.faults.oidc.status = 500;
  const result = await cli.run(`login --client-id ${id} --client-secret-file ${file}`);
  expect(result).toMatchObject({ exitCode: 6, stdout: '' });
  expect(result.stderr).toMatch(
    /^ondemand: Logged in, but the API could not check the token .*\n$/,
  );
  expect((await cli.readLogin(app.url)).accessToken).toMatch(/./);
});

test('two contexts at one API keep a login each, and the one that is removed is revoked alone', async () => {
  await using world = await startApiAndCli({ app });
  const { cli } = world;
  const { clients, issuer } = app.sandbox.oidc;
  for (const [name, { id, secret }, scope] of [
    ['guest', clients.opaqueReader, 'read'],
    ['boss', clients.opaqueAdmin, 'admin'],
  ] as const) {
    const file = await cli.write(`secret-${name}`, secret);
    const by = `--client-id ${id} --client-secret-file ${file} --scope ${scope}`;
    const login = await cli.run(`login --context ${name} --url ${app.url} ${by}`);
    expect(login).toMatchObject({ exitCode: 0, stderr: '' });
  }
  const env = { ONDEMAND_URL: '' };
  const list = JSON.parse((await cli.run('context ls --json', { env })).stdout);
  expect(list).toMatchObject([
    { name: 'guest', url: app.url, current: false, renewal: 'secret' },
    { name: 'boss', url: app.url, current: true, renewal: 'secret' },
  ]);
  expect(await cli.run('restart nginx', { env })).toMatchObject({ exitCode: 0 });
  expect(await cli.run('restart nginx --context guest')).toMatchObject({ exitCode: 3 });
  const chosen = { ONDEMAND_CONTEXT: 'guest', ONDEMAND_TOKEN: app.tokens.admin };
  const whoami = await cli.run('whoami', { env: chosen });
  expect(whoami.stdout).toMatch(/Subject +ondemand-reader-opaque\n(.*\n)*Context +guest\n/);

  const { accessToken } = await cli.readLogin(`${app.url}#boss`);
  const removed = await cli.run('context rm boss', { env });
  expect(removed).toMatchObject({ exitCode: 0, stderr: '' });
  expect(removed.stdout).toContain('no context is current now');
  const introspection = await fetch(`${issuer}/token/introspection`, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa(`${clients.api.id}:${clients.api.secret}`)}` },
    body: new URLSearchParams({ token: accessToken }),
  });
  expect(await introspection.json()).toEqual({ active: false });
  expect(await cli.run('ps -q --context guest')).toMatchObject({ exitCode: 0 });
  expect(await cli.readModes()).toEqual({ '.': '700', 'logins.json': '600' });
});
