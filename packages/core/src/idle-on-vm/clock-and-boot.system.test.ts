// What an observation makes of the VM's boot and clock: since when it is on and ready, and what becomes of times that a clock which was set back has not reached.

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { startWorld } from '../testing/jobs-on-vm.test-support.ts';
import { describeSshd } from '../testing/sshd.test-support.ts';
import { until } from '../testing/until.test-support.ts';
import { createIdleHost } from './idle-on-vm.ts';
import { createLeaseHost } from './lease-files.ts';

const request = { rules: {}, gone: [], hostPorts: [], pids: [] };
const owner = { sub: 'ana', clientId: 'phone', reason: 'a film' };
const hour = 3600;

async function start(tools: 'bash' | 'busybox' = 'bash') {
  const world = await startWorld({
    tools,
    env: (folder) => ({ HOST_PROC: join(folder, 'proc') }),
  });
  const proc = join(world.sshd.folder, 'proc');
  const boot = async (id: string, upSeconds: number) => {
    await mkdir(join(proc, 'sys/kernel/random'), { recursive: true });
    await writeFile(join(proc, 'sys/kernel/random/boot_id'), `${id}\n`);
    const startedAt = Math.floor(Date.now() / 1000) - upSeconds;
    await writeFile(join(proc, 'stat'), `cpu 1 2\nbtime ${startedAt}\n`);
    return startedAt;
  };
  const host = createIdleHost({ connection: world.connection, processId: 'aa' });
  /** A second later, at least. */
  const observeLater = async () => {
    const { now } = await host.observe(request);
    await until(async () => (await host.observe(request)).now > now);
    return host.observe(request);
  };
  return { world, host, boot, observeLater, folder: join(world.state, 'ondemand') };
}

describeSshd('the boot of a VM', () => {
  it.each([60, 2 * hour])(
    'is ready from when Docker answers, where that was missed %i s after it',
    async (upSeconds) => {
      const { world, host, boot, observeLater } = await start();
      await using _ = world;
      const startedAt = await boot('first', upSeconds);
      const without = await host.observe({ ...request, isReady: false });
      expect(without).toMatchObject({ readySince: startedAt, onSince: startedAt });
      const ready = await host.observe(request);
      expect(ready).toMatchObject({
        ...{ readySince: ready.now, isReadySinceCertain: true, onSince: startedAt },
      });
      // Once it was ready it stays so, whatever becomes of Docker.
      expect(await observeLater()).toMatchObject({
        ...{ readySince: ready.now, isReadySinceCertain: true },
      });
      const again = await host.observe({ ...request, isReady: false });
      expect(again.readySince).toBe(ready.now);
    },
  );

  it('is told where nobody observed it for an hour, or less', async () => {
    const { world, host, boot } = await start();
    await using _ = world;
    const first = await boot('first', 50 * 60);
    const soon = await host.observe(request);
    expect(soon).toMatchObject({
      ...{ readySince: soon.now, isReadySinceCertain: false, onSince: first },
    });
    const second = await boot('second', 2 * hour);
    expect(await host.observe(request)).toMatchObject({ readySince: second, onSince: second });
  });
});

describeSshd('a clock that was set back', () => {
  it.each(['bash', 'busybox'] as const)(
    'makes what is kept the present once, from when it ages, with the tools of %s',
    async (tools) => {
      const { world, host, boot, observeLater, folder } = await start(tools);
      await using _ = world;
      await boot('first', 60);
      await host.note([
        { name: 'cpu', at: { secondsAgo: 0 }, by: "it's web" },
        { name: 'unknown', at: { secondsAgo: 0 }, by: 'probe' },
        { name: 'sessions', at: { secondsAgo: 90 }, by: 'ben' },
        { name: 'observed', at: { secondsAgo: 0 }, by: '' },
      ]);
      const { now, uses } = await host.observe(request);
      const later = now + 2 * hour;
      const idle = join(folder, 'idle');
      await writeFile(join(idle, 'use.cpu'), `${later} it's web\n`);
      await writeFile(join(idle, 'use.unknown'), `${later} probe\n`);
      await writeFile(join(idle, 'observed'), `${later} \n`);
      await writeFile(join(idle, 'ready'), `first ${later}\n`);
      await writeFile(join(idle, 'announced'), `${later} ${later + 300} idle\n`);
      const seen = await host.observe(request);
      expect(seen).toMatchObject({
        ...{ readySince: seen.now, unknownAt: seen.now, observedAt: seen.now },
        announced: undefined,
      });
      expect(seen.uses.get('cpu')).toEqual({ at: seen.now, by: "it's web" });
      expect(seen.uses.get('sessions')).toEqual(uses.get('sessions'));
      expect(await observeLater()).toMatchObject({
        ...{ readySince: seen.now, unknownAt: seen.now, observedAt: seen.now, uses: seen.uses },
      });
    },
  );

  it('makes a lease hold for as long as it was taken for, from then on', async () => {
    const { world, host, boot, observeLater, folder } = await start();
    await using _ = world;
    await boot('first', 60);
    const leases = createLeaseHost(world);
    const { now } = await leases.take({ id: 'one', seconds: 600, owner });
    const file = join(folder, 'leases', 'one');
    const [, , by] = (await readFile(file, 'utf8')).split('\n');
    const later = now + 2 * hour;
    await writeFile(file, `${later + 600}\n${later}\n${by}\n`);
    const { leases: listed, now: at } = await leases.list();
    expect(listed).toEqual([{ id: 'one', ...owner, since: at, until: at + 600 }]);
    expect((await observeLater()).leases).toEqual(listed);
    await writeFile(file, `${later + 600}\n${later}\n${by}\n`);
    const claim = { readySince: 1, because: 'max-on', observedAt: now } as const;
    expect(await host.claimStop(claim)).toBe(false);
    expect(await leases.end('one')).toBeGreaterThanOrEqual(at);
    expect(await host.claimStop(claim)).toBe(true);
  });
});
