// Contexts as a user has them: which API a command calls, and with whose token.

import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { createContext } from '../command-context.ts';
import type { Login } from '../login/login-file-format.ts';
import type { Output } from '../output/output.ts';
import { asTerminal, runInTerminal } from '../testing/fake-terminal.test-support.ts';
import { healthy } from '../testing/fixtures.test-support.ts';
import { type StubApi, startStubApi } from '../testing/stub-api.test-support.ts';
import { startStubIssuer } from '../testing/stub-issuer.test-support.ts';
import { makeTemporaryFolder } from '../testing/temporary-folder.test-support.ts';
import { createTerminalModel } from '../testing/terminal-model.test-support.ts';
import { createUnfinishedWork } from '../wait/finish-before-exit.ts';

interface Stage {
  readonly home: StubApi;
  readonly work: StubApi;
}

/** Two APIs with a context each, `home` the current one; as the version before contexts stored them where `names` is empty. */
async function startStage(names: readonly string[] = ['home', 'work']) {
  const [home, work] = [await startStubApi(healthy), await startStubApi(healthy)];
  const folder = await makeTemporaryFolder();
  const file = join(folder.path, 'ondemand', 'logins.json');
  await mkdir(join(folder.path, 'ondemand'), { mode: 0o700 });
  const login = (accessToken: string, name?: string): Login => ({
    ...(name !== undefined && { name }),
    issuer: 'http://127.0.0.1:9',
    clientId: 'ondemand-cli',
    scope: 'read',
    accessToken,
  });
  const logins = {
    [home.url]: { ...login('home-token', names[0]), expiresAt: '2036-01-01T00:00:00.000Z' },
    [work.url]: login('work-token', names[1]),
  };
  const stored = { version: 1, current: home.url, logins };
  await writeFile(file, JSON.stringify(stored), { mode: 0o600 });
  const run = async (line: string, env: Readonly<Record<string, string>> = {}) => {
    const none = { ONDEMAND_URL: '', ONDEMAND_TOKEN: '' };
    const ran = runInTerminal(line.split(' '), {
      url: '',
      env: { NO_COLOR: '1', XDG_CONFIG_HOME: folder.path, ...none, ...env },
    });
    const exitCode = await ran.exitCode;
    return { exitCode, stdout: ran.stdout(), stderr: createTerminalModel(ran.stderr()).join('\n') };
  };
  return {
    home,
    work,
    file,
    run,
    read: async () => JSON.parse(await readFile(file, 'utf8')),
    async [Symbol.asyncDispose]() {
      await home[Symbol.asyncDispose]();
      await work[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

const issued = (token: string) => ({
  body: { access_token: token, token_type: 'Bearer', expires_in: 3600 },
});

/** The tokens that each API got; to be asked who issues them takes none. */
function tokensOf({ home, work }: Stage) {
  const of = ({ calls }: StubApi) =>
    calls.map(({ authorization }) => authorization).filter((sent) => sent !== undefined);
  return { home: of(home), work: of(work) };
}

test.each<[string, Readonly<Record<string, string>>, 'home' | 'work']>([
  ['ps', {}, 'home'],
  ['ps --context work', {}, 'work'],
  ['--context=work ps', { ONDEMAND_CONTEXT: 'home' }, 'work'],
  ['ps', { ONDEMAND_CONTEXT: 'work' }, 'work'],
  ['ps', { ONDEMAND_CONTEXT: '' }, 'home'],
])('ondemand %s with %j goes to the API of %s, with its token', async (line, env, where) => {
  await using stage = await startStage();
  expect(await stage.run(line, env)).toMatchObject({ exitCode: 0, stderr: '' });
  const none = { home: [], work: [] };
  expect(tokensOf(stage)).toEqual({ ...none, [where]: [`Bearer ${where}-token`] });
});

test('a context that was named wins over ONDEMAND_URL, and ONDEMAND_TOKEN is never sent to its API', async () => {
  await using stage = await startStage();
  const env = { ONDEMAND_URL: stage.home.url, ONDEMAND_TOKEN: 'anothers' };
  await stage.run('ps --context work', env);
  await stage.run('ps', { ...env, ONDEMAND_CONTEXT: 'work' });
  expect(tokensOf(stage)).toEqual({ home: [], work: ['Bearer work-token', 'Bearer work-token'] });
  await stage.run('logout --context work', env);
  const result = await stage.run('ps --context work', env);
  expect(result).toMatchObject({ exitCode: 3, stdout: '' });
  expect(result.stderr).toMatch(
    /context work \(http.*\) is logged out, and ONDEMAND_TOKEN is not sent .*; run ondemand login --context work\n$/,
  );
  expect(stage.work.calls).toHaveLength(2);
});

test('ONDEMAND_URL and ONDEMAND_TOKEN win over the current context, and --url over ONDEMAND_CONTEXT', async () => {
  await using stage = await startStage();
  await stage.run('ps', { ONDEMAND_URL: stage.work.url });
  await stage.run('ps', { ONDEMAND_TOKEN: 'own' });
  await stage.run(`ps --url ${stage.work.url}`, { ONDEMAND_CONTEXT: 'home' });
  expect(tokensOf(stage)).toEqual({
    home: ['Bearer own'],
    work: ['Bearer work-token', 'Bearer work-token'],
  });
});

test.each<[string, Readonly<Record<string, string>>, RegExp]>([
  ['ps --context wrok', {}, /no context 'wrok', did you mean 'work'\?; there are home, work/],
  ['ps', { ONDEMAND_CONTEXT: 'nothing' }, /no context 'nothing'; there are home, work/],
  ['ps --context home --url http://127.0.0.1:9', {}, /--context and --url/],
  ['ps --context a/b', {}, /--context needs a name .*not 'a\/b'/],
  ['ps --context', {}, /--context needs a NAME/],
  ['logout --context nothing', {}, /no context 'nothing'/],
  ['context use wrok', {}, /did you mean 'work'/],
  ['context rm nothing', {}, /no context 'nothing'/],
  ['context rename nothing x', {}, /no context 'nothing'/],
  ['context rename home', {}, /context rename needs NAME NEW/],
  ['context rename home a/b', {}, /not 'a\/b'/],
  ['login --context new --client-id x', {}, /no context 'new' yet \(there are home, work\).*--url/],
  ['login --context home --ssh-user -oProxyCommand=x', {}, /--ssh-user needs a user name/],
])('ondemand %s with %j is a usage error and changes nothing', async (line, env, message) => {
  await using stage = await startStage();
  const before = await readFile(stage.file, 'utf8');
  const result = await stage.run(line, env);
  expect(result).toMatchObject({ exitCode: 2, stdout: '' });
  expect(result.stderr).toMatch(message);
  expect(await readFile(stage.file, 'utf8')).toBe(before);
  expect(tokensOf(stage)).toEqual({ home: [], work: [] });
});

test('context ls shows names, URLs, which is current and how each is renewed, and no token', async () => {
  await using stage = await startStage();
  const { stdout } = await stage.run('context ls');
  expect(stdout).toMatch(/^NAME +URL +TOKEN ENDS +RENEWED BY\nhome \* +http.* in \d+ days/);
  const json = await stage.run('context ls --json');
  expect(JSON.parse(json.stdout)).toMatchObject([
    { name: 'home', url: stage.home.url, current: true, expiresAt: '2036-01-01T00:00:00.000Z' },
    { name: 'work', url: stage.work.url, current: false, renewal: 'none', expiresAt: null },
  ]);
  expect(stdout + json.stdout).not.toContain('-token');
});

test('use, rename and rm change which contexts there are, and whoami names the one that is used', async () => {
  await using stage = await startStage();
  expect((await stage.run('context use work')).stdout).toContain('The current context is work');
  expect(await stage.run('context rename work büro')).toMatchObject({
    exitCode: 0,
    stdout: 'work is now büro\n',
  });
  expect((await stage.run('whoami')).stdout).toMatch(/\nContext +büro\n/);
  expect(await stage.run('context rename home büro')).toMatchObject({ exitCode: 5 });
  const removed = await stage.run('context rm büro');
  expect(removed.stdout).toContain(
    'no context is current now: ondemand context use picks one of home',
  );
  const none = await stage.run('ps');
  expect(none).toMatchObject({ exitCode: 3 });
  expect(none.stderr).toContain('no context is current; ondemand context use picks one of home');
  expect(await stage.run('login')).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining('no context is current; say which with --context (home)'),
  });
  expect(await stage.run('context use home')).toMatchObject({ exitCode: 0 });
  expect(await stage.run('ps')).toMatchObject({ exitCode: 0 });
  expect((await stat(stage.file)).mode & 0o777).toBe(0o600);
});

test('rm forgets the login even when its issuer is down, and says so', async () => {
  await using stage = await startStage();
  const { exitCode, stdout, stderr } = await stage.run('context rm work --json');
  expect(JSON.parse(stdout)).toEqual({
    name: 'work',
    url: stage.work.url,
    removed: true,
    revoked: [],
    notRevoked: ['access_token'],
    current: 'home',
  });
  expect({ exitCode, stderr }).toEqual({
    exitCode: 6,
    stderr: expect.stringContaining('The access token could not be revoked'),
  });
  expect(Object.keys((await stage.read()).logins)).toEqual([stage.home.url]);
});

test('logins that were stored before there were contexts are contexts named by their hosts, as they are', async () => {
  await using stage = await startStage([]);
  const before = await readFile(stage.file, 'utf8');
  const { stdout } = await stage.run('context ls --json');
  const names = JSON.parse(stdout).map(({ name }: { name: string }) => name);
  expect(names).toEqual([stage.home, stage.work].map(({ url }) => new URL(url).host));
  await stage.run('ps');
  await stage.run(`ps --context ${names[1]}`);
  expect(tokensOf(stage)).toEqual({ home: ['Bearer home-token'], work: ['Bearer work-token'] });
  expect(await readFile(stage.file, 'utf8')).toBe(before);
  await stage.run(`context rename ${names[0]} home`);
  const { version, current, logins } = await stage.read();
  expect({ version, current }).toEqual({ version: 1, current: stage.home.url });
  expect(logins[stage.home.url]).toMatchObject({ ...JSON.parse(before).logins[stage.home.url] });
});

test('changes at the same time are all made', async () => {
  await using stage = await startStage();
  await Promise.all([
    stage.run('context rename home a'),
    stage.run('context rename work b'),
    stage.run('context use b'),
    stage.run('context ls'),
  ]);
  const { stdout } = await stage.run('context ls --json');
  expect(JSON.parse(stdout).map(({ name }: { name: string }) => name)).toEqual(['a', 'b']);
});

test('login --context makes a context and then updates it, which becomes the current one', async () => {
  await using stage = await startStage();
  await using issuer = await startStubIssuer({ token: [issued('first'), issued('second')] });
  const secret = join(dirname(stage.file), 'secret');
  await writeFile(secret, 'secret');
  const logIn = (line: string, env = {}) =>
    stage.run(
      `login ${line} --issuer ${issuer.issuer} --client-id cli --client-secret-file ${secret}`,
      env,
    );
  const first = await logIn(`--context third --url ${stage.work.url} --ssh-user opc`);
  expect(first).toMatchObject({ exitCode: 0, stderr: '' });
  expect(first.stdout).toMatch(/^Logged in at .*\nThe current context is third\n$/);
  const elsewhere = { ONDEMAND_URL: stage.home.url };
  const second = await logIn('--context third', elsewhere);
  expect(second).toMatchObject({ exitCode: 0 });
  expect(second.stderr).toContain('ONDEMAND_URL is set and wins over this login');
  const { stdout } = await stage.run('context ls --json');
  expect(JSON.parse(stdout)).toMatchObject([
    { name: 'home', current: false, url: stage.home.url },
    { name: 'work', current: false, url: stage.work.url },
    { name: 'third', current: true, url: stage.work.url, renewal: 'secret', sshUser: 'opc' },
  ]);
  await stage.run('ps');
  expect(tokensOf(stage)).toEqual({
    home: [],
    work: ['Bearer first', 'Bearer second', 'Bearer second'], // the logins check the token
  });
});

test.each<[string | undefined, Readonly<Record<string, string>>, string | undefined]>([
  ['work', {}, 'opc'],
  [undefined, {}, undefined],
  [undefined, { ONDEMAND_CONTEXT: 'work' }, 'opc'],
  [undefined, { ONDEMAND_URL: 'WORK', ONDEMAND_TOKEN: 'own' }, 'opc'],
  [undefined, { ONDEMAND_URL: 'http://127.0.0.1:9', ONDEMAND_TOKEN: 'own' }, undefined],
])('the SSH user with --context %s and %j is %s', async (name, env, expected) => {
  await using stage = await startStage();
  const stored = await stage.read();
  stored.logins[stage.work.url].sshUser = 'opc';
  await writeFile(stage.file, JSON.stringify(stored));
  const at = env.ONDEMAND_URL?.replace('WORK', stage.work.url);
  const context = createContext({
    streams: asTerminal({
      stdin: new PassThrough(),
      stdout: new PassThrough(),
      stderr: new PassThrough(),
    }),
    env: { XDG_CONFIG_HOME: dirname(dirname(stage.file)), ...env, ONDEMAND_URL: at },
    url: undefined,
    context: name,
    output: { warn: () => {} } as unknown as Output, // all that reading a context uses of it
    signal: new AbortController().signal,
    unfinished: createUnfinishedWork(),
  });
  expect(await context.sshUser()).toBe(expected);
});
