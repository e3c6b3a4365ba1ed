// Keys and secrets that others may read are warned of, whichever file they are in.

import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { findOpenKeys } from './files-readable-by-others.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

/** Files of a folder of its own, by name: their text and mode. */
function write(files: Readonly<Record<string, readonly [text: string, mode: number]>>) {
  const folder = mkdtempSync(join(tmpdir(), 'ondemand-modes-'));
  folders.push(folder);
  mkdirSync(join(folder, 'my keys'));
  const path = (name: string) => join(folder, name);
  for (const [name, [text, mode]] of Object.entries(files)) {
    writeFileSync(path(name), text.replaceAll('HERE', folder));
    chmodSync(path(name), mode);
  }
  return path;
}

test.each([0o640, 0o604, 0o660, 0o644])('an SSH key of mode %o', async (mode) => {
  const path = write({ key: ['x', mode], 'my keys/key': ['x', mode] });
  expect(await findOpenKeys({ SSH_PRIVATE_KEY_FILE: path('key') })).toEqual([
    `SSH_PRIVATE_KEY_FILE: others on this machine may read the secrets in ${path('key')}; run chmod 600 ${path('key')}`,
  ]);
  const warnings = await findOpenKeys({ SSH_PRIVATE_KEY_FILE: path('my keys/key') });
  expect(warnings.join()).toContain(`chmod 600 '${path('my keys/key')}'`);
});

test('a key that its owner alone may read, that is not there or a folder, is not told', async () => {
  const path = write({ a: ['x', 0o600], b: ['x', 0o400] });
  for (const name of ['a', 'b', 'missing', 'my keys']) {
    expect(await findOpenKeys({ SSH_PRIVATE_KEY_FILE: path(name) })).toEqual([]);
  }
});

const profile = '[DEFAULT]\nkey_file=HERE/key\nsecurity_token_file=HERE/token\n';
const open = {
  key: ['x', 0o644],
  token: ['x', 0o644],
  plain: [profile, 0o644],
  secret: [`${profile}pass_phrase=x\n[VM]\nkey_file=HERE/other\n`, 0o644],
  other: ['x', 0o600],
} as const;

test.each([
  ['the key of an OCI profile', 'plain', 'config', 'DEFAULT', ['key']],
  ['the token of a session, too', 'plain', 'session', 'DEFAULT', ['key', 'token']],
  ['a config that holds a passphrase', 'secret', 'config', 'DEFAULT', ['secret', 'key']],
  ["what the profile's DEFAULT says", 'secret', 'config', 'VM', ['secret']],
  ['none of an instance principal', 'secret', 'instance_principal', 'DEFAULT', []],
  ['none of a config that is not there', 'missing', 'config', 'DEFAULT', []],
] as const)('OCI: %s', async (_what, file, auth, name, expected) => {
  const path = write(open);
  const warnings = await findOpenKeys({
    OCI_AUTH: auth,
    OCI_CONFIG_FILE: path(file),
    OCI_CONFIG_PROFILE: name,
  });
  expect(warnings).toEqual(
    expected.map((each) => expect.stringMatching(`^OCI_CONFIG_FILE: .*chmod 600 ${path(each)}$`)),
  );
});
