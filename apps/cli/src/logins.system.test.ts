import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Login, serializeLogins } from './login/login-file-format.ts';
import { caller, healthy } from './testing/fixtures.test-support.ts';
import { runBin } from './testing/run-bin.test-support.ts';
import { runHere } from './testing/run-here.test-support.ts';
import { refusal, startStubApi } from './testing/stub-api.test-support.ts';
import { makeTemporaryFolder } from './testing/temporary-folder.test-support.ts';

const login: Login = {
  issuer: 'http://127.0.0.1:9',
  clientId: 'ondemand-cli',
  scope: 'read',
  accessToken: 'stored-token',
};

/** A folder of logins, as `XDG_CONFIG_HOME`. */
async function keepLogins(logins: Record<string, Login>, current?: string) {
  const folder = await makeTemporaryFolder();
  const path = join(folder.path, 'ondemand', 'logins.json');
  await mkdir(join(folder.path, 'ondemand'), { mode: 0o700 });
  await writeFile(path, serializeLogins({ current, logins }), { mode: 0o600 });
  return { ...folder, file: path, env: { XDG_CONFIG_HOME: folder.path } };
}

test('whoami shows the time left and where the token is from', async () => {
  const expiresAt = new Date(Date.now() + 3_599_000).toISOString();
  await using api = await startStubApi({ whoami: { data: { ...caller, expiresAt } } });
  const { stdout, exitCode } = await runBin(['whoami'], api);
  expect(exitCode).toBe(0);
  expect(stdout).toBe(
    `Subject   diego\nClient    ondemand-cli\nScopes    read, admin\nExpires   in 59 minutes (${expiresAt.slice(0, 19).replace('T', ' ')})\nToken     from ONDEMAND_TOKEN\nAPI       ${api.url}\n`,
  );
});

test('the token of a login is used where the login was, which is the default', async () => {
  await using api = await startStubApi(healthy);
  await using kept = await keepLogins({ [api.url]: login }, api.url);
  const { stdout, stderr } = await runHere(['whoami'], kept);
  expect({ stderr, authorization: api.calls[0]?.authorization }).toEqual({
    stderr: '',
    authorization: 'Bearer stored-token',
  });
  expect(stdout).toContain(`Token     from ondemand login\nAPI       ${api.url}\n`);
});

test('ONDEMAND_TOKEN wins over a login', async () => {
  await using api = await startStubApi(healthy);
  await using kept = await keepLogins({ [api.url]: login }, api.url);
  await runHere(['ps'], { env: { ...kept.env, ONDEMAND_TOKEN: 'own-token' } });
  expect(api.calls.map(({ authorization }) => authorization)).toEqual(['Bearer own-token']);
});

test('the token of a login never goes to another API', async () => {
  await using api = await startStubApi(healthy);
  await using kept = await keepLogins({ 'http://127.0.0.1:9': login }, 'http://127.0.0.1:9');
  for (const args of [['ps', '--url', api.url], ['ps']]) {
    const env = args.length === 1 ? { ONDEMAND_URL: api.url } : {};
    const result = await runHere(args, { env: { ...kept.env, ...env } });
    expect(result).toMatchObject({ exitCode: 3, stdout: '' });
    expect(result.stderr).toMatch(/^ondemand: Not authenticated: .* run ondemand login.*\n$/);
  }
  expect(api.calls).toEqual([]);
});

test('a login that others can read is closed to them, and that is told', async () => {
  await using api = await startStubApi(healthy);
  await using kept = await keepLogins({ [api.url]: login }, api.url);
  await chmod(kept.file, 0o644);
  const first = await runHere(['ps', '-q'], kept);
  expect(first).toMatchObject({ exitCode: 0, stdout: 'backup\nnginx\n' });
  expect(first.stderr).toMatch(/^ondemand: Others could read the tokens in .*\n$/);
  expect((await stat(kept.file)).mode & 0o777).toBe(0o600);
  expect((await runHere(['ps', '-q'], kept)).stderr).toBe('');
});

test('a file of logins that makes no sense is one line, and does not matter with ONDEMAND_TOKEN', async () => {
  await using api = await startStubApi(healthy);
  await using kept = await keepLogins({});
  await writeFile(kept.file, '{"accessToken":"stored-token"');
  const result = await runHere(['ps', '--url', api.url], kept);
  expect(result).toMatchObject({ exitCode: 1, stdout: '' });
  expect(result.stderr).toMatch(/^ondemand: .*is not as ondemand writes it.*\n$/);
  expect(result.stderr).not.toContain('stored-token');
  const env = { ...kept.env, ONDEMAND_TOKEN: 'own-token' };
  expect(await runHere(['ps', '-q', '--url', api.url], { env })).toMatchObject({ exitCode: 0 });
});

test('a login that has ended and cannot be renewed says to log in, before anything is done', async () => {
  await using api = await startStubApi(healthy);
  const ended = { ...login, expiresAt: new Date(Date.now() - 1000).toISOString() };
  await using kept = await keepLogins({ [api.url]: ended }, api.url);
  const result = await runHere(['stop', 'nginx'], kept);
  expect(result).toEqual({
    exitCode: 3,
    stdout: '',
    stderr: 'ondemand: The stored login has ended and cannot be renewed; run ondemand login\n',
  });
  expect(api.calls).toEqual([]);
});

test('a login about to end that cannot be renewed is used to its end', async () => {
  await using api = await startStubApi(healthy);
  const ending = { ...login, expiresAt: new Date(Date.now() + 30_000).toISOString() };
  await using kept = await keepLogins({ [api.url]: ending }, api.url);
  expect(await runHere(['ps', '-q'], kept)).toMatchObject({ exitCode: 0, stderr: '' });
});

test('a login that the API refuses says to log in', async () => {
  const refused = refusal('UNAUTHORIZED', 'The token has been revoked');
  await using api = await startStubApi({ 'containers.list': refused });
  await using kept = await keepLogins({ [api.url]: login }, api.url);
  expect((await runHere(['ps'], kept)).stderr).toBe(
    'ondemand: The token has been revoked; run ondemand login\n',
  );
});

test('logout forgets the login even when its issuer is down, says what is left, and keeps the context', async () => {
  await using kept = await keepLogins(
    { 'http://127.0.0.1:1': login, 'http://127.0.0.1:2': { ...login, refreshToken: 'r' } },
    'http://127.0.0.1:2',
  );
  const { exitCode, stdout, stderr } = await runHere(['logout', '--json'], kept);
  expect({ exitCode, result: JSON.parse(stdout) }).toEqual({
    exitCode: 6,
    result: {
      url: 'http://127.0.0.1:2',
      removed: true,
      revoked: [],
      notRevoked: ['refresh_token', 'access_token'],
    },
  });
  expect(stderr).toMatch(
    /The refresh token could not be revoked: .*\n.*The access token could not/,
  );
  const text = await readFile(kept.file, 'utf8');
  expect(text.match(/stored-token|refreshToken/g)).toEqual(['stored-token']);
  const { stdout: contexts } = await runHere(['context', 'ls', '--json'], kept);
  expect(JSON.parse(contexts)).toMatchObject([
    { url: 'http://127.0.0.1:1', current: false, loggedIn: true },
    { url: 'http://127.0.0.1:2', current: true, loggedIn: false, expiresAt: null },
  ]);
  expect(await runHere(['logout'], kept)).toMatchObject({ exitCode: 0, stderr: '' });
});

test.each([
  ['of another version', (text: string) => text.replace('"version": 1', '"version": 2')],
  ['cut off', (text: string) => text.slice(0, -20)],
])('neither logout nor login takes a file of logins that is %s for none', async (_what, spoil) => {
  await using api = await startStubApi(healthy);
  await using kept = await keepLogins({ 'http://127.0.0.1:1': login }, 'http://127.0.0.1:1');
  const spoilt = spoil(await readFile(kept.file, 'utf8'));
  await writeFile(kept.file, spoilt);
  for (const command of ['whoami', 'logout', 'login']) {
    const result = await runHere([command, '--url', api.url], kept);
    expect(result).toMatchObject({ exitCode: 1, stdout: '' });
    expect(result.stderr).toMatch(/^ondemand: .*is not as ondemand writes it; .*remove it.*\n$/);
  }
  expect(await readFile(kept.file, 'utf8')).toBe(spoilt);
  expect(api.calls).toEqual([]);
});

test('login where nothing can be kept is told before anything is asked', async () => {
  await using api = await startStubApi(healthy);
  await using folder = await makeTemporaryFolder();
  const file = join(folder.path, 'file');
  await writeFile(file, '');
  const result = await runHere(['login', '--url', api.url], { env: { XDG_CONFIG_HOME: file } });
  expect(result).toMatchObject({ exitCode: 1, stdout: '' });
  expect(result.stderr).toMatch(/^ondemand: .*cannot be written \(ENOTDIR\); .*\n$/);
  expect(api.calls).toEqual([]);
});

test('logout of a token that has ended asks nobody to revoke it', async () => {
  const ended = { ...login, expiresAt: '2019-01-01T00:00:00.000Z' };
  await using kept = await keepLogins({ 'http://127.0.0.1:2': ended }, 'http://127.0.0.1:2');
  expect(await runHere(['logout', '--json'], kept)).toEqual({
    exitCode: 0,
    stdout: `${JSON.stringify({ url: 'http://127.0.0.1:2', removed: true, revoked: [], notRevoked: [] })}\n`,
    stderr: '',
  });
});

test('logout of a machine whose secret is gone names its file', async () => {
  const machine = { ...login, secretFile: '/nonexistent/secret' };
  await using kept = await keepLogins({ 'http://127.0.0.1:2': machine }, 'http://127.0.0.1:2');
  const result = await runHere(['logout'], kept);
  expect(result).toMatchObject({ exitCode: 1, stdout: 'Logged out of http://127.0.0.1:2\n' });
  expect(result.stderr).toBe(
    `ondemand: The access token could not be revoked: the client secret cannot be read from /nonexistent/secret; end the session at ${login.issuer}\n`,
  );
});

test('logout without a login is done', async () => {
  await using kept = await keepLogins({});
  expect(await runHere(['logout', '--url', 'http://127.0.0.1:2'], kept)).toEqual({
    exitCode: 0,
    stdout: 'There is no login at http://127.0.0.1:2\n',
    stderr: '',
  });
});

test.each([
  [['--client-secret-file', 'x'], '--client-secret-file needs --client-id'],
  [['--client-id', 'x', '--client-secret-file', '/nonexistent'], 'cannot be read .*ENOENT'],
  [['--client-id', 'x', '--client-secret-file', '-'], 'Standard input holds no client secret'],
  [['--client-id', ''], '--client-id needs a value'],
  [['--issuer', 'ftp://x'], '--issuer needs an https URL'],
])('login %j is a usage error before anything is asked', async (args, message) => {
  await using api = await startStubApi(healthy);
  const result = await runHere(['login', '--url', api.url, ...args]);
  expect(result).toMatchObject({ exitCode: 2, stdout: '' });
  expect(result.stderr).toMatch(new RegExp(`^ondemand: .*${message}.*\n$`));
  expect(api.calls).toEqual([]);
});

test('login at what is no API, and at nothing, is one line', async () => {
  await using api = await startStubApi(healthy);
  await using kept = await keepLogins({});
  const wrong = await runHere(['login', '--url', api.url], kept);
  expect(wrong).toMatchObject({ exitCode: 1, stdout: '' });
  expect(wrong.stderr).toMatch(/^ondemand: .*names no issuer.*\n$/);
  const nothing = await runHere(['login', '--url', 'http://127.0.0.1:9'], kept);
  expect(nothing).toMatchObject({ exitCode: 6, stdout: '' });
});
