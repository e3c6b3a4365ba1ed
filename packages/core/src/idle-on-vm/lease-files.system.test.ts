// Leases on a VM, against a real sshd and real shells: what is kept there, for whom, and what becomes of it.

import {
  chmod,
  lstat,
  mkdir,
  readdir,
  readFile,
  rename,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { maxLeases, maxReasonLength } from '../model/defaults-limits-timeouts.ts';
import { startWorld } from '../testing/jobs-on-vm.test-support.ts';
import { describeSshd } from '../testing/sshd.test-support.ts';
import { createLeaseHost } from './lease-files.ts';

const owner = { sub: 'ana', clientId: 'phone', reason: 'it\'s\\n $(touch pwned) "film" 🎬' };

async function start(options?: Parameters<typeof startWorld>[0]) {
  const world = await startWorld(options);
  const folder = join(world.state, 'ondemand', 'leases');
  return {
    world,
    folder,
    host: createLeaseHost(world),
    other: createLeaseHost({ connection: world.connect() }),
  };
}

describeSshd('leases', () => {
  it.each(['bash', 'busybox'] as const)(
    'are seen by every process, renewed by their id, and ended, with the tools of %s',
    async (tools) => {
      const { world, folder, host, other } = await start({ tools });
      await using _ = world;
      expect((await other.list()).leases).toEqual([]);
      const first = await host.take({ id: 'one', seconds: 60, owner });
      expect(first.until - first.now).toBe(60);
      const again = await host.take({ id: 'one', seconds: 7200, owner });
      expect(again.since).toBe(first.since);
      await host.take({ id: 'two', seconds: 60, owner: { ...owner, sub: 'ben' } });
      const { now, leases } = await other.list();
      expect(leases).toEqual([
        { id: 'one', ...owner, since: first.since, until: again.until },
        expect.objectContaining({ id: 'two', sub: 'ben' }),
      ]);
      expect(await other.end('two')).toBeGreaterThanOrEqual(now);
      expect(await host.end('two')).toBeUndefined();
      expect(await host.end('three')).toBeUndefined();
      const modes = [folder, join(folder, 'one')].map(
        async (path) => (await lstat(path)).mode & 0o777,
      );
      expect(await Promise.all(modes)).toEqual([0o700, 0o600]);
      expect((await readdir(folder)).sort()).toEqual(['one', 'two']);
    },
  );

  it('go an hour after their end, and what is no lease goes with them', async () => {
    const { world, folder, host } = await start();
    await using _ = world;
    const { now } = await host.take({ id: 'live', seconds: 60, owner });
    const by = JSON.stringify(owner);
    await writeFile(join(folder, 'recent'), `${now - 10}\n${now - 99}\n${by}\n`);
    await writeFile(join(folder, 'old'), `${now - 3700}\n${now - 9999}\n${by}\n`);
    await writeFile(join(folder, 'garbage'), 'soon\n$(reboot)\n');
    expect((await host.list()).leases.map(({ id }) => id)).toEqual(['live', 'recent']);
    await host.take({ id: 'next', seconds: 60, owner });
    expect((await readdir(folder)).sort()).toEqual(['live', 'next', 'recent']);
  });

  it('are readable however many have ended, of which the last is kept for the last use', async () => {
    const { world, folder, host } = await start();
    await using _ = world;
    const { now } = await host.take({ id: 'live', seconds: 600, owner });
    const by = JSON.stringify({ ...owner, reason: '漢'.repeat(maxReasonLength) });
    await Promise.all(
      Array.from({ length: 250 }, (_, n) =>
        writeFile(join(folder, `n${n}`), `${now - (n % 200) - 1}\n${now - 1500}\n${by}\n`),
      ),
    );
    await writeFile(join(folder, 'last'), `${now}\n${now - 60}\n${by}\n`);
    expect((await host.list()).leases.map(({ id }) => id)).toEqual(['live', 'last']);
    await host.take({ id: 'live', seconds: 600, owner });
    expect((await readdir(folder)).sort()).toEqual(['last', 'live']);
  });

  it('are refused past their most, while one that holds can be renewed', async () => {
    const { world, folder, host } = await start();
    await using _ = world;
    const { now } = await host.take({ id: 'first', seconds: 600, owner });
    const lines = `${now + 600}\n${now}\n${JSON.stringify(owner)}\n`;
    for (let n = 1; n < maxLeases; n += 1) await writeFile(join(folder, `n${n}`), lines);
    await expect(host.take({ id: 'more', seconds: 60, owner })).rejects.toMatchObject({
      code: 'CONFLICT',
      text: 'Too many leases',
    });
    await host.take({ id: 'first', seconds: 60, owner });
    await host.end('n1');
    await host.take({ id: 'more', seconds: 60, owner });
  });

  it('are neither written nor read through a link that somebody put in place of their folder', async () => {
    const { world, folder, host } = await start();
    await using _ = world;
    await host.take({ id: 'one', seconds: 60, owner });
    await rename(folder, `${folder}.moved`);
    await symlink(`${folder}.moved`, folder);
    expect((await host.list()).leases).toEqual([]);
    expect(await host.end('one')).toBeUndefined();
    await expect(host.take({ id: 'two', seconds: 60, owner })).rejects.toMatchObject({
      code: 'INTERNAL_ERROR',
      text: 'Lease not written',
    });
    expect(await readFile(join(`${folder}.moved`, 'one'), 'utf8')).toContain('ana');
  });

  it('make their folder private again where it was opened', async () => {
    const { world, folder, host } = await start();
    await using _ = world;
    await mkdir(folder, { recursive: true });
    await chmod(folder, 0o777);
    await host.take({ id: 'one', seconds: 60, owner });
    expect((await lstat(folder)).mode & 0o777).toBe(0o700);
  });
});
