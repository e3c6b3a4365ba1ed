// Sessions and keys that change under us, on real files and in the order in which OCI's own CLI writes them.

import { createHash, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type OciProfileOptions, readCredentials } from './credentials.ts';

const [oldKey, newKey] = [createKey(), createKey()];
const { signal } = new AbortController();

function createKey(): string {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 1024 }); // a short one is made quickly
  return privateKey.export({ type: 'pkcs1', format: 'pem' }).toString();
}

/** A profile with the old key, the old session token and the fingerprint `f-old`, read once. */
async function startCredentials(auth: OciProfileOptions['auth']) {
  const folder = await mkdtemp(join(tmpdir(), 'ondemand-oci-'));
  const path = (name: string) => join(folder, name);
  const toConfig = ({ fingerprint = 'f-old', keyFile = 'key.pem' } = {}) =>
    `[DEFAULT]\ntenancy=t\nuser=u\nfingerprint=${fingerprint}\nkey_file=${path(keyFile)}\nsecurity_token_file=${path('token')}\n`;
  const write = (name: string, text: string) => writeFile(path(name), text);
  await Promise.all([
    write('key.pem', oldKey),
    write('token', 'old.token'),
    write('config', toConfig()),
  ]);
  const { credentials, problems } = await readCredentials({ auth, configFile: path('config') });
  if (credentials === undefined) throw new Error(problems.join('\n'));
  return {
    credentials,
    identify: () => credentials.identify(signal),
    path,
    write,
    toConfig,
    remove: (name: string) => rm(path(name)),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  };
}

test('a session that was authenticated again signs with its new key and its new token', async () => {
  await using session = await startCredentials('session');
  expect(await session.identify()).toEqual({ keyId: 'ST$old.token', privateKeyPem: oldKey });
  await session.write('key.pem', newKey);
  await session.write('token', 'new.token\n');
  expect(await session.identify()).toEqual({ keyId: 'ST$new.token', privateKeyPem: newKey });
});

test.each([
  ['key.pem', newKey, 'token', 'new.token'],
  ['token', 'new.token', 'key.pem', newKey],
])(
  'a session caught after %s was written is whole at the next call',
  async (first, one, second, other) => {
    await using session = await startCredentials('session');
    await session.write(first, one);
    await session.identify();
    await session.write(second, other);
    expect(await session.identify()).toEqual({ keyId: 'ST$new.token', privateKeyPem: newKey });
  },
);

test.each([
  ['a key that is half written', 'key.pem', newKey.slice(0, 800)],
  ['a key that is empty', 'key.pem', ''],
  ['a token that is empty', 'token', ''],
  ['a configuration without the profile', 'config', ''],
  ['a profile that is half written', 'config', '[DEFAULT]\ntenancy=t\n'],
])('with %s the last pair of token and key stands, until all is there', async (_, name, half) => {
  await using session = await startCredentials('session');
  await session.write('key.pem', newKey);
  await session.write('token', 'new.token');
  await session.write(name, half);
  expect(await session.identify()).toEqual({ keyId: 'ST$old.token', privateKeyPem: oldKey });
  await session.write('config', session.toConfig());
  await session.write('key.pem', newKey);
  await session.write('token', 'new.token');
  expect(await session.identify()).toEqual({ keyId: 'ST$new.token', privateKeyPem: newKey });
});

test.each(['key.pem', 'token', 'config'])('without %s the last pair stands', async (name) => {
  await using session = await startCredentials('session');
  await session.remove(name);
  expect(await session.identify()).toEqual({ keyId: 'ST$old.token', privateKeyPem: oldKey });
});

test('an API key that was rotated counts at once', async () => {
  await using profile = await startCredentials('config');
  expect(await profile.identify()).toEqual({ keyId: 't/u/f-old', privateKeyPem: oldKey });
  await profile.write('new.pem', newKey);
  await profile.write('config', profile.toConfig({ fingerprint: 'f-new', keyFile: 'new.pem' }));
  expect(await profile.identify()).toEqual({ keyId: 't/u/f-new', privateKeyPem: newKey });
});

test("who gives up gets the signal's reason, not the last identity", async () => {
  await using session = await startCredentials('session');
  const reason = new Error('the reader left');
  await expect(session.credentials.identify(AbortSignal.abort(reason))).rejects.toBe(reason);
});

test("a fingerprint that is another key's is told with the key's own", async () => {
  await using profile = await startCredentials('config');
  const der = createPublicKey(oldKey).export({ type: 'spki', format: 'der' });
  const own = (createHash('md5').update(der).digest('hex').match(/../g) ?? []).join(':');
  const read = (fingerprint: string) =>
    profile
      .write('config', profile.toConfig({ fingerprint }))
      .then(() => readCredentials({ auth: 'config', configFile: profile.path('config') }));
  expect((await read(own)).problems).toEqual([]);
  expect((await read(own.toUpperCase())).problems).toEqual([]);
  for (const other of [own.replace(/^../, own.startsWith('00') ? '11' : '00'), own.slice(3)]) {
    const { problems } = await read(other);
    expect(problems).toEqual([expect.stringMatching(/^OCI_CONFIG_PROFILE: .*fingerprint/)]);
    expect(problems[0]).toContain(own);
  }
});

test('a session that has ended is told by the time that its token has', async () => {
  await using session = await startCredentials('session');
  const read = async (exp: unknown) => {
    const claims = Buffer.from(JSON.stringify({ exp })).toString('base64url');
    await session.write('token', `head.${claims}.signature`);
    return (await readCredentials({ auth: 'session', configFile: session.path('config') }))
      .problems;
  };
  const nowSeconds = Math.floor(Date.now() / 1000);
  expect(await read(nowSeconds + 3600)).toEqual([]);
  expect(await read('soon')).toEqual([]);
  expect(await read(nowSeconds - 60)).toEqual([
    expect.stringMatching(/^OCI_CONFIG_PROFILE: .* ended at 20.*oci session authenticate/),
  ]);
});
