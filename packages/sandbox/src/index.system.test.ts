import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { dirname } from 'node:path';
import ssh2 from 'ssh2';
import { expect, test } from 'vitest';
import { type Sandbox, startSandbox } from './index.ts';

const durations = { startMs: 20, stopMs: 20, softStopMs: 20, bootMs: 20 };

test('startSandbox() gives an environment in which everything answers', async () => {
  await using sandbox = await startSandbox();
  const { env } = sandbox;
  expect(Object.keys(env).sort()).toEqual([
    'OCI_AUTH',
    'OCI_CONFIG_FILE',
    'OCI_CONFIG_PROFILE',
    'OCI_ENDPOINT',
    'OCI_INSTANCE_ID',
    'OCI_REGION',
    'OIDC_AUDIENCE',
    'OIDC_CLIENT_ID',
    'OIDC_CLIENT_SECRET',
    'OIDC_ISSUER',
    'OIDC_WEB_CLIENT_ID',
    'SSH_KNOWN_HOSTS_FILE',
    'SSH_PORT',
    'SSH_PRIVATE_KEY_FILE',
    'SSH_USER',
  ]);
  expect((await fetch(`${env.OCI_ENDPOINT}/20160918/instances/x`)).status).toBe(401);
  expect((await fetch(`${env.OIDC_ISSUER}/jwks`)).status).toBe(200);
  expect(await readBanner(sandbox)).toMatch(/^SSH-2\.0-/);
  expect(await sandbox.tokens.read()).toMatch(/^ey/);
});

test('the key and the known_hosts file of the environment open an SSH connection', async () => {
  await using sandbox = await startSandbox();
  const { SSH_PRIVATE_KEY_FILE = '', SSH_KNOWN_HOSTS_FILE = '', SSH_USER = '' } = sandbox.env;
  for (const file of [SSH_PRIVATE_KEY_FILE, sandbox.env.OCI_CONFIG_FILE ?? '']) {
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  }
  const [pattern, ...key] = (await readFile(SSH_KNOWN_HOSTS_FILE, 'utf8')).trimEnd().split(' ');
  expect(pattern).toBe(`[127.0.0.1]:${sandbox.env.SSH_PORT}`);
  const privateKey = await readFile(SSH_PRIVATE_KEY_FILE);
  const client = new ssh2.Client();
  const seen: Buffer[] = [];
  try {
    await new Promise<void>((resolve, reject) => {
      client.once('ready', resolve);
      client.on('error', reject);
      client.connect({
        host: '127.0.0.1',
        port: sandbox.vm.port,
        username: SSH_USER,
        privateKey,
        hostVerifier: (raw: Buffer) => seen.push(raw) > 0,
      });
    });
  } finally {
    client.end();
  }
  expect(key.join(' ')).toContain(seen[0]?.toString('base64'));
});

test('sshd is there only while the instance RUNs, at the same port each time', async () => {
  await using sandbox = await startSandbox({ lifecycleState: 'STOPPED', durations });
  await expect(readBanner(sandbox)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  sandbox.world.setLifecycleState('RUNNING');
  await expect.poll(() => readBanner(sandbox).catch(String)).toMatch(/^SSH-2\.0-/);
  sandbox.world.setLifecycleState('STOPPING');
  await expect.poll(() => readBanner(sandbox).catch(String)).toMatch(/ECONNREFUSED/);
});

test('a VM that comes back at another address is known there', async () => {
  await using sandbox = await startSandbox({ durations });
  sandbox.world.setLifecycleState('STOPPED');
  sandbox.world.setPublicIp('127.0.0.2');
  sandbox.world.setLifecycleState('RUNNING');
  await expect.poll(() => readBanner(sandbox, '127.0.0.2').catch(String)).toMatch(/^SSH-2\.0-/);
  const knownHosts = await readFile(sandbox.env.SSH_KNOWN_HOSTS_FILE ?? '', 'utf8');
  expect(knownHosts).toContain(`[127.0.0.2]:${sandbox.vm.port} ssh-ed25519 `);
});

test('a changed host key is known only after trustHostKey()', async () => {
  await using sandbox = await startSandbox();
  const knownHosts = () => readFile(sandbox.env.SSH_KNOWN_HOSTS_FILE ?? '', 'utf8');
  const before = await knownHosts();
  sandbox.vm.changeHostKey();
  expect(await knownHosts()).toBe(before);
  sandbox.trustHostKey();
  expect(await knownHosts()).toContain(sandbox.vm.hostPublicKey.split(' ')[1]);
  expect(await knownHosts()).not.toBe(before);
});

test('close() leaves no listener, no connection, no timer and no folder, also when called twice', async () => {
  const before = process.getActiveResourcesInfo().filter(isOurs).sort();
  const sandbox = await startSandbox({ durations: { ...durations, bootMs: 60_000 } });
  const { env, vm } = sandbox;
  const connections = await Promise.all(
    [env.OCI_ENDPOINT, env.OIDC_ISSUER, `ssh://127.0.0.1:${vm.port}`].map(openConnection),
  );
  const ended = connections.map(
    (socket) => new Promise((resolve) => socket.once('close', resolve).resume()),
  );
  sandbox.world.setLifecycleState('STOPPED');
  sandbox.world.setLifecycleState('RUNNING');
  await sandbox.close();
  await sandbox.close();
  await Promise.all(ended);
  expect(existsSync(dirname(env.OCI_CONFIG_FILE ?? ''))).toBe(false);
  for (const url of [env.OCI_ENDPOINT, env.OIDC_ISSUER]) {
    await expect(fetch(url ?? '')).rejects.toThrow();
  }
  await expect(readBanner(sandbox)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  await expect.poll(() => process.getActiveResourcesInfo().filter(isOurs).sort()).toEqual(before);
});

test('two sandboxes at once know nothing of each other', async () => {
  await using one = await startSandbox();
  await using other = await startSandbox({ lifecycleState: 'STOPPED' });
  expect(one.world.instance.lifecycleState).toBe('RUNNING');
  expect(new Set([one.env.OCI_ENDPOINT, other.env.OCI_ENDPOINT]).size).toBe(2);
  one.faults.oci.status = 503;
  expect((await fetch(`${other.env.OCI_ENDPOINT}/20160918/instances/x`)).status).toBe(401);
});

function isOurs(resource: string): boolean {
  return ['TCPServerWrap', 'PipeServerWrap', 'ProcessWrap', 'FSEventWrap'].includes(resource);
}

async function openConnection(url: string | undefined): Promise<Socket> {
  const { hostname, port } = new URL(url ?? '');
  const socket = connect(Number(port), hostname);
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  socket.on('error', () => undefined); // a reset is as good an end as any
  return socket;
}

async function readBanner({ vm }: Sandbox, host = '127.0.0.1'): Promise<string> {
  const socket = connect(vm.port, host);
  try {
    return await new Promise((resolve, reject) => {
      socket.once('data', (data) => resolve(data.toString('latin1')));
      socket.once('error', reject);
      socket.once('close', () => reject(new Error('Closed before a banner')));
    });
  } finally {
    socket.destroy();
  }
}
