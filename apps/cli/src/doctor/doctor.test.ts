// `ondemand doctor` in this process, before APIs and networks that are broken in one way each.

import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { serializeLogins } from '../login/login-file-format.ts';
import { runInTerminal } from '../testing/fake-terminal.test-support.ts';
import { caller } from '../testing/fixtures.test-support.ts';
import {
  foreign,
  hanging,
  refusal,
  type Script,
  startStubApi,
} from '../testing/stub-api.test-support.ts';
import { makeTemporaryFolder } from '../testing/temporary-folder.test-support.ts';
import { version } from '../version.ts';
import { redact } from './bug-report-bundle.ts';
import type { Check } from './check.ts';
import type { Examination } from './examine.ts';

const metadataPath = '/.well-known/oauth-protected-resource';
const issuer = 'https://auth.example.com';
const audience = 'https://ondemand.example.com';

const apiCheck = {
  name: 'docker',
  layer: 'docker',
  status: 'ok',
  message: 'Docker answers',
  details: {},
};
const metadata: Script = { bare: { authorization_servers: [issuer], audience } };
const wellApi: Readonly<Record<string, Script>> = {
  [metadataPath]: metadata,
  '/openapi.json': { bare: { info: { version } } },
  whoami: { data: { ...caller, expiresAt: new Date(Date.now() + 3_600_000).toISOString() } },
  diagnose: { data: { ok: true, checkedAt: caller.expiresAt, checks: [apiCheck] } },
};

function toJwt(claims: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'RS256' })}.${part(claims)}.c2lnbmF0dXJl`;
}
const inAnHour = Math.floor(Date.now() / 1000) + 3600;
const goodToken = toJwt({ iss: issuer, aud: audience, exp: inAnHour });

type Env = Readonly<Record<string, string>>;

async function examine(url: string, env: Env = {}, args: readonly string[] = []) {
  const run = runInTerminal(['doctor', '--json', ...args], {
    url,
    env: { ONDEMAND_TOKEN: goodToken, ...env },
  });
  const exitCode = await run.exitCode;
  const { checks, ok } = JSON.parse(run.stdout()) as Examination; // its own form
  expect(exitCode).toBe(ok ? 0 : 1);
  expect(run.screen()).not.toContain(goodToken);
  return checks;
}

const failedOf = (checks: readonly Check[]) =>
  checks.filter(({ status }) => status === 'failed').map(({ name }) => name);

test('where nothing is wrong nothing fails, and the diagnosis of the API comes last', async () => {
  await using api = await startStubApi(wellApi);
  const checks = await examine(api.url);
  expect(failedOf(checks)).toEqual([]);
  expect(checks.at(-1)).toEqual(apiCheck);
  expect(checks.map(({ name }) => name)).not.toContain('diagnose');
});

test('people get a mark, a name and words for each layer, and what to begin with', async () => {
  await using api = await startStubApi({ ...wellApi, whoami: refusal('UNAUTHORIZED', 'No') });
  const run = runInTerminal(['doctor'], {
    url: api.url,
    env: { ONDEMAND_TOKEN: goodToken, NO_COLOR: '1' },
  });
  expect(await run.exitCode).toBe(1);
  expect(run.stdout()).toMatch(/^✓ url +The API is at .*, by ONDEMAND_URL$/m);
  expect(run.stdout()).toMatch(/^✗ token +The API refuses the token from ONDEMAND_TOKEN: No/m);
  expect(run.stdout()).toMatch(/^- scopes +Not asked, as token failed$/m);
  expect(run.stdout()).toMatch(/\nBegin with token: set ONDEMAND_TOKEN to a valid access token/);
});

const hourBehind = new Date(Date.now() + 3_600_000).toUTCString();
const rows: readonly [string, Readonly<Record<string, Script>>, Env, string, RegExp][] = [
  [
    'a login page of a proxy',
    { [metadataPath]: { ...foreign(302), headers: { location: 'https://sso.example.com/?x=1' } } },
    {},
    'proxy',
    /redirects to https:\/\/sso\.example\.com \(HTTP 302\)/,
  ],
  [
    'a proxy whose API does not run',
    { [metadataPath]: foreign(502) },
    {},
    'proxy',
    /does not reach the API \(HTTP 502\)/,
  ],
  ['a web page', { [metadataPath]: foreign(200) }, {}, 'proxy', /but not as this API does/],
  ['another program', { [metadataPath]: foreign(404) }, {}, 'proxy', /another program answers/],
  [
    'a clock an hour behind',
    { ...wellApi, [metadataPath]: { ...metadata, headers: { date: hourBehind } } },
    {},
    'cli-clock',
    /60 minutes behind that of the API/,
  ],
  [
    'an API of another release',
    { ...wellApi, '/openapi.json': { bare: { info: { version: '99.0.0' } } } },
    {},
    'api-version',
    /99\.0\.0 .* do not fit together/,
  ],
  ['no token', wellApi, { ONDEMAND_TOKEN: '' }, 'token', /no login for .*; run ondemand login/],
  [
    'a token that has ended',
    wellApi,
    { ONDEMAND_TOKEN: toJwt({ iss: issuer, aud: audience, exp: inAnHour - 7200 }) },
    'token',
    /ended (?:60|59) minutes ago|ended 1 hour/,
  ],
  [
    'a token of another issuer',
    wellApi,
    { ONDEMAND_TOKEN: toJwt({ iss: `${issuer}/`, aud: audience, exp: inAnHour }) },
    'token',
    /of the issuer https:\/\/auth\.example\.com\/, and this API trusts https:\/\/auth\.example\.com alone/,
  ],
  [
    'a token for another audience',
    wellApi,
    { ONDEMAND_TOKEN: toJwt({ iss: issuer, aud: ['account'], exp: inAnHour }) },
    'audience',
    /is for account, and this API wants https:\/\/ondemand\.example\.com \(its OIDC_AUDIENCE\)/,
  ],
  [
    'a token that grants nothing',
    { ...wellApi, whoami: refusal('FORBIDDEN', 'It has no scope') },
    {},
    'scopes',
    /grants nothing here: It has no scope/,
  ],
  [
    'an issuer that the API cannot reach',
    { ...wellApi, whoami: refusal('SERVICE_UNAVAILABLE', 'The issuer does not answer') },
    {},
    'scopes',
    /The issuer does not answer/,
  ],
  [
    'a diagnosis that fails',
    { ...wellApi, diagnose: refusal('INTERNAL_ERROR', 'A bug') },
    {},
    'diagnose',
    /A bug; request id/,
  ],
];
test.each(rows)('%s is found in its layer', async (_what, scripts, env, expected, words) => {
  await using api = await startStubApi(scripts);
  const checks = await examine(api.url, env);
  expect(failedOf(checks)).toEqual([expected]);
  const failed = checks.find(({ status }) => status === 'failed');
  expect(failed?.message).toMatch(words);
  expect(failed?.next).toMatch(/\S/);
});

test.each([
  ['nope', 'url', /needs an http or https URL/],
  ['http://api.invalid', 'dns', /api\.invalid does not resolve/],
])('the URL %s is found wanting at %s', async (url, expected, words) => {
  const checks = await examine(url);
  expect(failedOf(checks)).toEqual([expected]);
  expect(checks.find(({ status }) => status === 'failed')?.message).toMatch(words);
});

test('a closed port, and one that speaks no TLS, are told apart', async () => {
  await using api = await startStubApi(wellApi);
  const plain = await examine(api.url.replace('http:', 'https:'));
  expect(failedOf(plain)).toEqual(['tls']);
  const silent = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => silent.once('listening', resolve));
  const { port } = silent.address() as { port: number }; // it listens on TCP
  await new Promise((resolve) => silent.close(resolve));
  const closed = await examine(`http://127.0.0.1:${port}`);
  expect(failedOf(closed)).toEqual(['connection']);
  expect(closed.find(({ name }) => name === 'connection')?.message).toContain(`127.0.0.1:${port}`);
});

test.each([
  [
    'less than admin',
    { data: { ...caller, scopes: ['read'] } },
    undefined,
    /scope admin.*has read/,
  ],
  [
    'an older API',
    undefined,
    refusal('NOT_FOUND', 'No such procedure'),
    /older than this ondemand/,
  ],
])(
  'with %s the diagnosis of the API is skipped, which is no failure',
  async (_what, whoami, diagnose, words) => {
    await using api = await startStubApi({
      ...wellApi,
      ...(whoami && { whoami }),
      ...(diagnose && { diagnose }),
    });
    const last = (await examine(api.url)).at(-1);
    expect(last).toMatchObject({ name: 'diagnose', status: 'skipped' });
    expect(last?.message).toMatch(words);
  },
);

test('a token that cannot be sent fails as the token, with what to do', async () => {
  await using api = await startStubApi(wellApi);
  const checks = await examine(api.url, { ONDEMAND_TOKEN: 'Bearer abc' });
  expect(checks.find(({ name }) => name === 'token')).toMatchObject({
    status: 'failed',
    message: expect.stringContaining('character that a token cannot have'),
    next: expect.stringContaining('set ONDEMAND_TOKEN to a valid access token'),
  });
});

test('an interrupt ends it at once, with its own exit code', async () => {
  const interrupt = new AbortController();
  await using api = await startStubApi({
    ...wellApi,
    diagnose: () => {
      interrupt.abort();
      return hanging;
    },
  });
  const env = { ONDEMAND_TOKEN: goodToken };
  const run = runInTerminal(['doctor'], { url: api.url, env, signal: interrupt.signal });
  expect(await run.exitCode).toBe(130);
  expect(run.stdout()).toBe('');
});

async function keepLogins(url: string, mode: number) {
  const folder = await makeTemporaryFolder();
  const file = join(folder.path, 'ondemand', 'logins.json');
  const login = {
    ...{ issuer, clientId: 'cli', scope: 'read', accessToken: goodToken },
    refreshToken: 'refresh-secret-of-the-user',
  };
  await mkdir(join(folder.path, 'ondemand'), { mode: 0o700 });
  await writeFile(file, serializeLogins({ current: url, logins: { [url]: login } }));
  await chmod(file, mode);
  const env = { XDG_CONFIG_HOME: folder.path, ONDEMAND_URL: '', ONDEMAND_TOKEN: '' };
  return { ...folder, file, env };
}

test('a file of logins that others can read is told, and one that is no such file ends it there', async () => {
  await using api = await startStubApi(wellApi);
  await using kept = await keepLogins(api.url, 0o644);
  const open = await examine('', kept.env);
  expect(failedOf(open)).toEqual(['config-file']);
  expect(open[0]).toMatchObject({ details: { mode: '0644' } });
  expect(failedOf(await examine('', kept.env))).toEqual([]); // ondemand itself made it private
  await writeFile(kept.file, 'no logins');
  const broken = await examine('', kept.env);
  expect(failedOf(broken)).toEqual(['config-file']);
  expect(broken[1]).toMatchObject({ name: 'url', status: 'skipped' });
});

test('--bundle writes all of it without tokens, for the user alone, and over nothing that is there', async () => {
  await using api = await startStubApi(wellApi);
  await using kept = await keepLogins(api.url, 0o600);
  const file = join(kept.path, 'report.json');
  await examine('', { ...kept.env, MY_SECRET: 'hunter22' }, ['--bundle', file]);
  const text = await readFile(file, 'utf8');
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(JSON.parse(text)).toMatchObject({
    versions: { ondemand: version, node: process.version },
    doctor: { ok: true },
    contexts: [{ url: api.url, issuer, renewal: 'refresh' }],
    environment: expect.arrayContaining(['MY_SECRET', 'ONDEMAND_TOKEN']),
  });
  for (const secret of [goodToken, 'refresh-secret', 'hunter22'])
    expect(text).not.toContain(secret);
  const again = runInTerminal(['doctor', '--bundle', file], { url: '', env: kept.env });
  expect(await again.exitCode).toBe(1);
  expect(again.stderr()).toContain('exists already; --force writes over it');
  expect(await readFile(file, 'utf8')).toBe(text);
  await examine('', kept.env, ['--bundle', file, '--force']);
  expect(await readFile(file, 'utf8')).not.toBe(text);
});

test('what a bundle holds is redacted', () => {
  const env = { API_TOKEN: 'abcdefgh', HOME: '/home/ana', SHORT_KEY: 'x' };
  const shown = redact(
    { a: ['abcdefgh at /home/ana/x', 'https://me:pw@host/', `Bearer ${goodToken}`], n: 1, x: 'x' },
    env,
    '/home/ana',
  );
  expect(shown).toEqual({ a: ['… at ~/x', 'https://…@host/', 'Bearer …'], n: 1, x: 'x' });
});
