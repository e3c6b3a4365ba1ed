// The list that an operator sees when the settings cannot work: all of it at once, by variable.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { describe, expect, it } from 'vitest';
import { checkSshConfig } from './check-config.ts';

async function createFolder() {
  const folder = await mkdtemp(join(tmpdir(), 'ondemand-check-'));
  const file = async (name: string, text: string) => {
    const path = join(folder, name);
    await writeFile(path, text);
    return path;
  };
  return {
    missing: join(folder, 'missing'),
    file,
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  };
}

const toNames = (problems: readonly string[]) => problems.map((problem) => problem.split(':')[0]);
const hostKeyFingerprint = `SHA256:${'A'.repeat(43)}`;

describe('checkSshConfig()', () => {
  it('finds nothing wrong with settings that can work', async () => {
    await using folder = await createFolder();
    const privateKeyFile = await folder.file(
      'key',
      ssh2.utils.generateKeyPairSync('ecdsa', { bits: 256 }).private,
    );
    const knownHostsFile = await folder.file('known_hosts', '');
    expect(await checkSshConfig({ privateKeyFile, knownHostsFile })).toEqual([]);
    expect(await checkSshConfig({ privateKeyFile, hostKeyFingerprint })).toEqual([]);
  });

  it('lists all that is wrong at once', async () => {
    await using folder = await createFolder();
    const { missing } = folder;
    expect(toNames(await checkSshConfig({}))).toEqual([
      'SSH_PRIVATE_KEY_FILE',
      'SSH_KNOWN_HOSTS_FILE',
    ]);
    const problems = await checkSshConfig({ privateKeyFile: missing, knownHostsFile: missing });
    expect(toNames(problems)).toEqual(['SSH_PRIVATE_KEY_FILE', 'SSH_KNOWN_HOSTS_FILE']);
    for (const problem of problems) expect(problem).toContain(`${missing} cannot be read (ENOENT)`);
  });

  it('tells a public key by its content', async () => {
    await using folder = await createFolder();
    const { public: publicKey } = ssh2.utils.generateKeyPairSync('ecdsa', { bits: 256 });
    const privateKeyFile = await folder.file('key.pub', publicKey);
    const [problem] = await checkSshConfig({ privateKeyFile, hostKeyFingerprint });
    expect(problem).toMatch(
      /^SSH_PRIVATE_KEY_FILE: .*key\.pub holds a public key; name the private/,
    );
  });

  it('names the variable of each problem', async () => {
    await using folder = await createFolder();
    const encrypted = ssh2.utils.generateKeyPairSync('ecdsa', {
      bits: 256,
      passphrase: 'open sesame',
      cipher: 'aes256-ctr',
      rounds: 1,
    });
    const privateKeyFile = await folder.file('key', encrypted.private);
    const check = async (options: Parameters<typeof checkSshConfig>[0]) =>
      toNames(await checkSshConfig({ hostKeyFingerprint, ...options }));
    expect(await check({ privateKeyFile })).toEqual(['SSH_PRIVATE_KEY_PASSPHRASE']);
    expect(await check({ privateKeyFile, passphrase: 'x' })).toEqual([
      'SSH_PRIVATE_KEY_PASSPHRASE',
    ]);
    expect(await check({ privateKeyFile, passphrase: 'open sesame' })).toEqual([]);
    expect(await check({ agentSocket: folder.missing })).toEqual(['SSH_AUTH_SOCK']);
    expect(
      await check({ privateKeyFile, passphrase: 'open sesame', hostKeyFingerprint: 'MD5:aa' }),
    ).toEqual(['SSH_HOST_KEY_FINGERPRINT']);
  });
});
