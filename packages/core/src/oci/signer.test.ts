// Configurations as operators get them right and wrong, on real files in a home folder of their own.

import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { HttpExchange } from './http-request.ts';
import { checkOciConfig, openSigner } from './signer.ts';

let folder = '';
let home: string | undefined;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ondemand-oci-'));
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 1024 }); // a short one is made quickly
  await writeFile(join(folder, 'key.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }));
  await writeFile(
    join(folder, 'locked.pem'),
    privateKey.export({
      type: 'pkcs8',
      format: 'pem',
      cipher: 'aes-256-cbc',
      passphrase: 'sesame',
    }),
  );
  await writeFile(join(folder, 'token'), 'a.b.c\n');
  await writeFile(join(folder, 'torn-token'), 'a\nb');
  const who = 'tenancy=t\nuser=u\nfingerprint=f';
  await writeFile(
    join(folder, 'config'),
    `
[GOOD]
${who}
key_file=~/key.pem
region=eu-frankfurt-1
[SHORT]
${who}
key_file=~/key.pem
region=phx
[NO_REGION]
${who}
key_file=~/key.pem
[BAD_REGION]
${who}
key_file=~/key.pem
region=evil.example/x
[EMPTY]
[NO_KEY]
${who}
region=eu-frankfurt-1
key_file=~/none.pem
[LOCKED]
${who}
region=eu-frankfurt-1
key_file=~/locked.pem
pass_phrase=wrong
[SESSION]
tenancy=t
key_file=~/key.pem
region=eu-frankfurt-1
security_token_file=~/token
[TORN]
tenancy=t
key_file=~/key.pem
region=eu-frankfurt-1
security_token_file=~/torn-token
`,
  );
  home = process.env.HOME;
  process.env.HOME = folder;
});
afterAll(async () => {
  process.env.HOME = home;
  await rm(folder, { recursive: true });
});

const config = (profile: string, more = {}) =>
  ({ auth: 'config', configFile: '~/config', profile, ...more }) as const;

test.each([
  ['a complete profile', config('GOOD')],
  ['a region by its short code', config('SHORT')],
  ['a region from outside', config('NO_REGION', { region: 'eu-frankfurt-1' })],
  ['an endpoint instead of a region', config('NO_REGION', { endpoint: 'http://127.0.0.1:4000' })],
  ['an endpoint with a trailing slash', config('GOOD', { endpoint: 'https://iaas.example/' })],
  ['a session', config('SESSION', { auth: 'session' })],
  ['an instance principal, which needs no file', { auth: 'instance_principal' } as const],
])('%s has no problems', async (_, options) => {
  expect(await checkOciConfig(options)).toEqual([]);
});

test.each([
  [
    'no file',
    config('GOOD', { configFile: '~/none' }),
    ['OCI_CONFIG_FILE: no readable file at ~/none'],
  ],
  [
    'no such profile',
    config('VM'),
    [/^OCI_CONFIG_PROFILE: no profile 'VM' in ~\/config; it has: GOOD, SHORT, /],
  ],
  [
    'no DEFAULT profile',
    { auth: 'config', configFile: '~/config' } as const,
    [/no profile 'DEFAULT'/],
  ],
  [
    'an empty profile',
    config('EMPTY'),
    [/lacks tenancy$/, /lacks user$/, /lacks fingerprint$/, /lacks key_file$/],
  ],
  [
    'no key file',
    config('NO_KEY'),
    [/^OCI_CONFIG_PROFILE: .*no readable file at key_file ~\/none.pem$/],
  ],
  [
    'a wrong passphrase',
    config('LOCKED'),
    [/^OCI_CONFIG_PROFILE: .*pass_phrase does not open it$/],
  ],
  ['no region', config('NO_REGION'), [/^OCI_REGION: /]],
  ['a region that is none', config('BAD_REGION'), [/^OCI_CONFIG_PROFILE: its region/]],
  ['a wrong region from outside', config('GOOD', { region: 'a/b' }), [/^OCI_REGION: 'a\/b'/]],
  [
    'a session read as an API key',
    config('SESSION'),
    [/lacks user/, /lacks fingerprint/, /^OCI_AUTH: /],
  ],
  ['a session without a token', config('GOOD', { auth: 'session' }), [/lacks security_token_file/]],
  [
    'a token torn in two',
    config('TORN', { auth: 'session' }),
    [/security_token_file ~\/torn-token holds no readable token/],
  ],
  [
    'two things at once',
    config('GOOD', { configFile: '~/none', endpoint: 'iaas.example' }),
    [/^OCI_ENDPOINT: /, /^OCI_CONFIG_FILE: /],
  ],
])('%s is told by the name of its variable', async (_, options, lines) => {
  const problems = await checkOciConfig(options);
  expect(problems).toEqual(
    lines.map((line) => (typeof line === 'string' ? line : expect.stringMatching(line))),
  );
});

test.each([
  'https://iaas.example/20160918',
  'https://iaas.example?x=1',
  'https://iaas.example#x',
  'https://user:word@iaas.example',
  'ftp://iaas.example',
  'iaas.example',
  '',
])('OCI_ENDPOINT %j is refused', async (endpoint) => {
  expect(await checkOciConfig(config('GOOD', { endpoint }))).toEqual([
    expect.stringMatching(/^OCI_ENDPOINT: /),
  ]);
});

test.each([
  ['us-phoenix-1', 'config', 'SHORT', 'phx'],
  ['eu-frankfurt-1', 'config', 'GOOD', 'eu-frankfurt-1'],
] as const)('an instance in %s is where the %s profile %s is', async (_, auth, profile, named) => {
  const instanceId = `ocid1.instance.oc1.${named}.abc`;
  expect(await checkOciConfig({ ...config(profile), auth, instanceId })).toEqual([]);
});

test('an instance in another region than the configured one is told by both names', async () => {
  const instanceId = 'ocid1.instance.oc1.iad.abc';
  expect(await checkOciConfig({ ...config('GOOD'), instanceId })).toEqual([
    expect.stringMatching(/^OCI_INSTANCE_ID: .*'us-ashburn-1'.*'eu-frankfurt-1'.*OCI_REGION/),
  ]);
  expect(await checkOciConfig({ ...config('GOOD'), region: 'iad', instanceId })).toEqual([]);
  const endpoint = 'http://127.0.0.1:4000';
  expect(await checkOciConfig({ ...config('GOOD'), endpoint, instanceId })).toEqual([]);
});

test('a leading ~ is the home folder of the one who runs us', async () => {
  expect(homedir()).toBe(folder);
  expect(await checkOciConfig(config('GOOD', { configFile: join(folder, 'config') }))).toEqual([]);
});

test('the region given wins over the one of the profile, and short codes are spelled out', async () => {
  const exchange = () => expect.fail('nothing may be sent');
  const regionOf = async (options: Parameters<typeof checkOciConfig>[0]) =>
    (await openSigner({ ...options, timeoutMs: 1000 }, exchange)).region;
  expect(await regionOf(config('GOOD'))).toBe('eu-frankfurt-1');
  expect(await regionOf(config('GOOD', { region: 'us-ashburn-1' }))).toBe('us-ashburn-1');
  expect(await regionOf(config('SHORT'))).toBe('us-phoenix-1');
});

test('who gives up stops the questions to the metadata service, at the start and when a request is signed', async () => {
  const pending: AbortSignal[] = [];
  let region: string | undefined;
  const exchange: HttpExchange['exchange'] = async ({ url, signal }) => {
    if (url.endsWith('/region') && region !== undefined) {
      return { status: 200, headers: {}, body: region };
    }
    if (signal === undefined) return expect.fail(`nobody can stop the question for ${url}`);
    pending.push(signal);
    return new Promise((_, reject) =>
      signal.addEventListener('abort', () => reject(signal.reason), { once: true }),
    );
  };
  const options = { auth: 'instance_principal', timeoutMs: 60_000 } as const;
  const reason = new Error('the reader left');

  const atStart = new AbortController();
  const opening = openSigner(options, exchange, atStart.signal);
  await expect.poll(() => pending.length).toBe(1);
  atStart.abort(reason);
  await expect(opening).rejects.toBe(reason);

  region = 'eu-frankfurt-1';
  const { sign } = await openSigner(options, exchange);
  const later = new AbortController();
  const request = { method: 'GET', uri: 'https://iaas.example/x', headers: new Headers() } as const;
  const signing = sign(request, later.signal);
  await expect.poll(() => pending.length).toBe(4);
  later.abort(reason);
  await expect(signing).rejects.toBe(reason);
  expect(pending.every(({ aborted }) => aborted)).toBe(true);
});
