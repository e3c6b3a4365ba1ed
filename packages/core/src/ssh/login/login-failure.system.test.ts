// What OpenSSH itself refuses at the login and before it: each told as what it is, with whom, where and with which key.

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { expectFailure } from '../../testing/expect-failure.test-support.ts';
import {
  connectTo,
  describeSshd,
  generateKey,
  type PrivateSshd,
  startSshd,
} from '../../testing/sshd.test-support.ts';
import { addSystemUser } from '../../testing/system-user.test-support.ts';
import { createShell } from '../command/exec.ts';

function fingerprintOf(file: string): string {
  const text = execFileSync('ssh-keygen', ['-lf', `${file}.pub`], { encoding: 'utf8' });
  return text.split(' ')[1] ?? '';
}

/** An agent with new keys, and the server's own key last where it is wanted. */
async function startAgent(
  sshd: PrivateSshd,
  { unknownKeys, own }: { unknownKeys: number; own: boolean },
) {
  const socket = join(sshd.folder, 'agent');
  const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: ['ignore', 'pipe', 'ignore'] });
  await once(agent.stdout, 'data');
  const files = Array.from({ length: unknownKeys }, (_, index) => join(sshd.folder, `key${index}`));
  for (const file of files) generateKey(file, 'ed25519');
  const all = own ? [...files, sshd.privateKeyFile] : files;
  const env = { ...process.env, SSH_AUTH_SOCK: socket };
  execFileSync('ssh-add', ['-q', ...all], { env });
  return {
    options: { privateKeyFile: undefined, agentSocket: socket },
    [Symbol.asyncDispose]: async () => {
      agent.kill();
      await once(agent, 'exit');
    },
  };
}

const secondFactor = ['PasswordAuthentication yes', 'AuthenticationMethods publickey,password'];

describeSshd('a refused login', () => {
  it('names user, host, port and key, and leaves open what sshd does not say', async () => {
    await using sshd = await startSshd();
    const privateKeyFile = join(sshd.folder, 'unknown-key');
    generateKey(privateKeyFile, 'ed25519');
    for (const username of ['root', 'nobody-of-that-name']) {
      await using connection = connectTo(sshd, { privateKeyFile, username });
      const { message, details } = await expectFailure(connection.exec(['true']), 'AUTH_REJECTED');
      const fingerprint = fingerprintOf(privateKeyFile);
      expect(message).toContain(`${username}@127.0.0.1:${sshd.port} with the key ${fingerprint}`);
      expect(message).toMatch(/SSH_USER.*authorized_keys/);
      expect(message.replace(fingerprint, '')).not.toContain('RSA');
      expect(details).toMatchObject({
        user: username,
        host: '127.0.0.1',
        port: sshd.port,
        keys: [fingerprint],
      });
    }
  });

  it.each([
    ['a key file', 0],
    ["an agent's only key", 1],
  ])('that wants a second factor after %s says so', async (_what, keys) => {
    await using sshd = await startSshd({ config: secondFactor });
    await using agent = await startAgent(sshd, { unknownKeys: 0, own: true });
    await using connection = connectTo(sshd, keys === 1 ? agent.options : {});
    const error = await expectFailure(connection.exec(['true']), 'AUTH_INCOMPLETE');
    expect(error.message).toMatch(
      /accepted the key.*second factor \(a password\).*Match User root/,
    );
    expect(error.message).toContain(fingerprintOf(sshd.privateKeyFile));
    expect(error.details.retryAfterSeconds).toBeGreaterThanOrEqual(30);
  });

  it('after more keys of an agent than MaxAuthTries says how many', async () => {
    await using sshd = await startSshd();
    await using agent = await startAgent(sshd, { unknownKeys: 8, own: true });
    await using connection = connectTo(sshd, agent.options);
    const error = await expectFailure(connection.exec(['true']), 'AUTH_TOO_MANY_FAILURES');
    expect(error.message).toMatch(/agent's 9 keys.*MaxAuthTries.*SSH_PRIVATE_KEY_FILE/);
    expect(error.details.retryAfterSeconds).toBeGreaterThanOrEqual(30);
  });

  it('of all keys of an agent lists them', async () => {
    await using sshd = await startSshd();
    await using agent = await startAgent(sshd, { unknownKeys: 2, own: false });
    await using connection = connectTo(sshd, agent.options);
    const error = await expectFailure(connection.exec(['true']), 'AUTH_REJECTED');
    expect(error.message).toMatch(/the agent's 2 keys \(SHA256:\S+, SHA256:\S+\)/);
  });

  it.each([
    ['has expired', ['-E', '2000-01-01']],
    ['has a password that expired too long ago', ['-M', '1', '-I', '1', '-d', '2000-01-01']],
  ])('of an account that %s, which PAM keeps out, says so', async (_what, expiry) => {
    await using sshd = await startSshd({ config: ['UsePAM yes'] });
    await using user = await addSystemUser(sshd, { shell: '/bin/bash' });
    execFileSync('chage', [...expiry, user.name]);
    await using connection = connectTo(sshd, { username: user.name });
    const error = await expectFailure(connection.exec(['true']), 'AUTH_ACCOUNT_REFUSED');
    expect(error.message).toMatch(/accepted the key.*account has expired.*chage -l/);
    expect(error.message).toContain(`${user.name}@127.0.0.1:${sshd.port}`);
    expect(error.details.retryAfterSeconds).toBeGreaterThanOrEqual(30);
  });

  it('of an account that has expired, which a sshd without PAM does not tell from others, mentions it', async () => {
    await using sshd = await startSshd();
    await using user = await addSystemUser(sshd, { shell: '/bin/bash' });
    execFileSync('chage', ['-E', '2000-01-01', user.name]);
    await using connection = connectTo(sshd, { username: user.name });
    const error = await expectFailure(connection.exec(['true']), 'AUTH_REJECTED');
    expect(error.message).toMatch(/does not say why.*neither locked nor expired/);
  });

  it.each([['PubkeyAuthentication no'], ['AuthenticationMethods password,publickey']])(
    'because of %s says that keys are not taken',
    async (line) => {
      await using sshd = await startSshd({ config: ['PasswordAuthentication yes', line] });
      await using connection = connectTo(sshd);
      const error = await expectFailure(connection.exec(['true']), 'AUTH_NO_PUBLIC_KEYS');
      expect(error.message).toMatch(/takes no public key first, but a password/);
    },
  );

  it('of a short RSA key, which looks like an unknown one, mentions its length', async () => {
    await using sshd = await startSshd({ config: ['RequiredRSASize 3072'] });
    const privateKeyFile = join(sshd.folder, 'short');
    generateKey(privateKeyFile, 'rsa');
    await writeFile(`${sshd.privateKeyFile}.pub`, await readFile(`${privateKeyFile}.pub`));
    await using connection = connectTo(sshd, { privateKeyFile });
    const error = await expectFailure(connection.exec(['true']), 'AUTH_REJECTED');
    expect(error.message).toMatch(/RSA with 2048 bits.*RequiredRSASize.*ed25519/);
  });
});

describeSshd('a sshd with which nothing is in common', () => {
  it.each([
    ['KexAlgorithms', 'sntrup761x25519-sha512@openssh.com', 'curve25519-sha256'],
    ['Ciphers', 'aes192-cbc', 'aes256-gcm@openssh.com'],
    ['MACs', 'umac-128@openssh.com', 'hmac-sha2-256'],
  ])('in %s says what it offers and what to add', async (option, offered, ours) => {
    // With these ciphers a MAC is needed: others bring their own.
    const ciphers = option === 'MACs' ? ['Ciphers aes256-ctr'] : [];
    await using sshd = await startSshd({ config: [`${option} ${offered}`, ...ciphers] });
    await using connection = connectTo(sshd);
    const error = await expectFailure(connection.exec(['true']), 'NO_COMMON_ALGORITHM');
    expect(error.message).toContain(`It offers ${offered}. Let ${option} in its sshd_config`);
    expect(error.message).toContain(ours);
  });
});

describeSshd('MaxSessions 0', () => {
  it('is told as no session at all', async () => {
    await using sshd = await startSshd({ config: ['MaxSessions 0'] });
    await using connection = connectTo(sshd);
    const shell = createShell(connection);
    // Attempts side by side are no sessions that could end.
    const [error] = await Promise.all(
      [1, 2, 3].map(() => expectFailure(shell.run(['true']), 'NO_SESSIONS')),
    );
    expect(error?.message).toMatch(/none of ours runs.*MaxSessions 0/);
  });
});
