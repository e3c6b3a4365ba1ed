import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createWorld } from './instance-state.ts';
import { createKnownHosts } from './known-hosts.ts';

test('the file vouches for each address that the VM had, with the trusted key alone', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ondemand-known-hosts-'));
  try {
    const file = join(folder, 'known_hosts');
    const world = createWorld();
    const publicKey = 'ssh-ed25519 AAAAold';
    const hosts = createKnownHosts({ file, world, port: 2222, publicKey });
    expect(await readFile(file, 'utf8')).toBe('[127.0.0.1]:2222 ssh-ed25519 AAAAold\n');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    world.setPublicIp('127.0.0.9');
    world.setPublicIp(undefined);
    hosts.trust('ssh-ed25519 AAAAnew');
    const both = '[127.0.0.1]:2222 ssh-ed25519 AAAAnew\n[127.0.0.9]:2222 ssh-ed25519 AAAAnew\n';
    expect(await readFile(file, 'utf8')).toBe(both);
    hosts.close();
    world.setPublicIp('127.0.0.10');
    expect(await readFile(file, 'utf8')).toBe(both);
  } finally {
    await rm(folder, { recursive: true });
  }
});
