// An observation of what uses a VM, against a real sshd and real shells, with a /proc that the test writes where it must say something.

import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { VmObservation } from '../adapter-ports.ts';
import { findLiveApis } from '../idle/signals.ts';
import { scriptExits } from '../jobs-on-vm/scripts.ts';
import type { StopCause } from '../model/idle.ts';
import { startWorld } from '../testing/jobs-on-vm.test-support.ts';
import { describeSshd } from '../testing/sshd.test-support.ts';
import { until } from '../testing/until.test-support.ts';
import { createIdleHost } from './idle-on-vm.ts';
import { createLeaseHost, toArgv } from './lease-files.ts';
import { announceScript, claimScript, noteScript } from './observation-script.ts';

const rules = { stopAfter: 1800, maxOn: undefined };
const request = { rules, gone: [], hostPorts: [], pids: [] };
const owner = { sub: 'ana', clientId: 'phone', reason: 'a film' };

describeSshd('an observation', () => {
  it('tells processes of the API from people, and forgets those that have gone', async () => {
    await using world = await startWorld();
    const host = createIdleHost({ connection: world.connection, processId: 'aa' });
    const other = createIdleHost({ connection: world.connect(), processId: 'bb' });
    await other.register({ stopAfter: 60, maxOn: 7200 });
    const person = world.connect();
    await (await person.exec(['true'])).exit;
    const gone = world.connect();
    await createIdleHost({ connection: gone, processId: 'cc' }).register({});
    const before = await host.observe(request);
    expect(before.apis.map(toProcess).sort()).toEqual(['aa', 'bb', 'cc']);
    expect(before.apis.find((api) => toProcess(api) === 'bb')?.rules).toEqual({
      stopAfter: 60,
      maxOn: 7200,
    });
    await gone[Symbol.asyncDispose]();
    const observation = await readUntil(
      () => host.observe(request),
      (seen) => findLiveApis(seen).length === 2,
    );
    expect(observation.ssh).toMatchObject({ port: world.sshd.port, own: { address: '127.0.0.1' } });
    const ends = (observation.tables.get('host') ?? []).filter(
      ({ local }) => local.port === observation.ssh?.port,
    );
    expect(ends.length).toBe(3);
    expect(Math.abs(observation.now - Date.now() / 1000)).toBeLessThan(60);
    expect(observation.readySince).toBeLessThanOrEqual(observation.now);
    expect(findLiveApis(observation).map(toProcess).sort()).toEqual(['aa', 'bb']);
    const ids = before.apis.filter((api) => toProcess(api) === 'cc').map(({ id }) => id);
    const after = await host.observe({ ...request, gone: ids });
    expect(after.apis.map(toProcess).sort()).toEqual(['aa', 'bb']);
    expect(await readdir(join(world.state, 'ondemand', 'idle'))).toHaveLength(3);
  });

  it('knows each connection of a process for as long as sshd does, as it may not hear of the end of an old one', async () => {
    await using world = await startWorld();
    const old = world.connect();
    await createIdleHost({ connection: old, processId: 'aa' }).register(rules);
    const host = createIdleHost({ connection: world.connection, processId: 'aa' });
    const both = await host.observe(request);
    expect(findLiveApis(both)).toHaveLength(2);
    expect(both.tables.get('host')).toHaveLength(2);
    await old[Symbol.asyncDispose]();
    const one = await readUntil(
      () => host.observe(request),
      (seen) => findLiveApis(seen).length === 1,
    );
    expect(findLiveApis(one).map(({ end }) => end)).toEqual([one.ssh?.own]);
    // Of a connection that is made anew from a port that had been forgotten, what is new stays.
    const after = await host.observe({ ...request, gone: both.apis.map(({ id }) => id) });
    expect(after.apis.map(({ end }) => end)).toEqual([one.ssh?.own]);
  });

  it.each([undefined, 'busybox'] as const)(
    'reads tables, leases, jobs and notes, with the tools of %s',
    async (tools) => {
      await using world = await startWorld({
        ...(tools && { tools }),
        env: (folder) => ({ HOST_PROC: join(folder, 'proc') }),
      });
      const proc = join(world.sshd.folder, 'proc');
      await writeProc(proc);
      const host = createIdleHost({ connection: world.connection, processId: 'aa' });
      const leases = createLeaseHost(world);
      await leases.take({ id: 'one', seconds: 60, owner });
      const job = world.job('sleep 60');
      await world.host.start(job);
      const observation = await host.observe({
        ...request,
        hostPorts: [8080],
        pids: [42, 43, 44, 45],
      });
      expect(observation.readySince).toBe(observation.now);
      expect(observation.leases).toEqual([expect.objectContaining({ id: 'one', ...owner })]);
      expect(observation.jobs).toEqual([{ id: job.id, target: 'web' }]);
      // Neither what the container opened itself, nor what it has on its loopback.
      expect(observation.tables.get('42')).toEqual([
        {
          local: { address: '172.17.0.2', port: 80 },
          remote: { address: '198.51.100.7', port: 51_234 },
        },
        {
          local: { address: '2001:db8::2', port: 80 },
          remote: { address: '2001:db8::5', port: 40_000 },
        },
        {
          local: { address: '172.17.0.2', port: 80 },
          remote: { address: '192.0.2.9', port: 40_001 },
        },
      ]);
      expect(observation.tables.get('43')?.length).toBe(200);
      expect(observation.cut).toEqual(new Set(['43']));
      expect(observation.unreadable).toEqual(new Set(['44']));
      expect(observation.tables.has('45')).toBe(false);
      expect(observation.tables.get('host')).toEqual([
        {
          local: { address: '192.0.2.1', port: 8080 },
          remote: { address: '198.51.100.8', port: 1234 },
        },
      ]);
      const { now } = observation;
      await host.note([
        { name: 'cpu', at: now - 50, by: "busy's $(reboot) 98 %" },
        { name: 'actions', at: { secondsAgo: 600 }, by: 'restart of nginx\nby ana' },
        { name: 'unknown', at: now - 5, by: 'probe' },
      ]);
      await host.note([{ name: 'cpu', at: now - 90, by: 'older' }]);
      const announcement = { stopsAt: now + 300, because: 'idle' } as const;
      await host.announce({ ...announcement, isDryRun: true, text: '' });
      const dry = await host.observe(request);
      expect(dry.announced).toMatchObject({ ...announcement, isDryRun: true });
      await host.announce({ ...announcement, isDryRun: false, text: '' });
      const again = await host.observe(request);
      expect(again.uses.get('cpu')).toEqual({ at: now - 50, by: "busy's $(reboot) 98 %" });
      const action = again.uses.get('actions');
      expect(action?.by).toBe('restart of nginx by ana');
      expect(Math.abs((action?.at ?? 0) - now + 600)).toBeLessThan(60);
      expect(again.unknownAt).toBe(now - 5);
      expect(again.announced).toMatchObject({ ...announcement, isDryRun: false });
      const claim = (because: StopCause, readySince = now, observedAt = now + 60) =>
        host.claimStop({ readySince, because, observedAt });
      // A lease may have been taken, and a job begun, after the last observation.
      expect([await claim('idle'), await claim('max-on')]).toEqual([false, false]);
      await leases.end('one');
      expect(await claim('idle')).toBe(false);
      const claims = await Promise.all([1, 2, 3].map(() => claim('max-on')));
      expect(claims.filter((isClaimed) => isClaimed)).toHaveLength(1);
      expect(await claim('max-on')).toBe(false);
      expect(await claim('max-on', now + 5)).toBe(true);
      await world.host.cancel(job.id);
      // What another process saw since the last observation is use, too.
      await host.note([{ name: 'unknown', at: now + 30, by: 'probe' }]);
      expect(await claim('idle', now + 10, now + 30)).toBe(false);
      expect(await claim('max-on', now + 10, now + 30)).toBe(true);
      expect(await claim('idle', now + 20, now + 31)).toBe(true);
    },
  );

  it('takes a restart for a new beginning, and a VM that nobody observed for one that has been ready for long', async () => {
    await using world = await startWorld({
      env: (folder) => ({ HOST_PROC: join(folder, 'proc') }),
    });
    const proc = join(world.sshd.folder, 'proc');
    await writeProc(proc);
    const host = createIdleHost({ connection: world.connection, processId: 'aa' });
    const first = await host.observe(request);
    await until(async () => (await host.observe(request)).now > first.now);
    expect((await host.observe(request)).readySince).toBe(first.readySince);
    await writeFile(join(proc, 'sys/kernel/random/boot_id'), 'second\n');
    expect((await host.observe(request)).readySince).toBeGreaterThan(first.readySince);
    await writeFile(join(proc, 'sys/kernel/random/boot_id'), 'third\n');
    await writeFile(join(proc, 'stat'), `cpu 1 2\nbtime ${first.now - 7200}\n`);
    expect((await host.observe(request)).readySince).toBe(first.now - 7200);
  });

  it('says what it may not see where /proc hides the processes of others', async () => {
    await using world = await startWorld({
      env: (folder) => ({ HOST_PROC: join(folder, 'proc') }),
    });
    const proc = join(world.sshd.folder, 'proc');
    await writeProc(proc);
    for (const pid of ['1', '42']) await rm(join(proc, pid), { recursive: true });
    const observation = await createIdleHost({
      connection: world.connection,
      processId: 'aa',
    }).observe({
      ...request,
      pids: [42],
    });
    expect(observation.unreadable).toEqual(new Set(['42']));
  });

  it('neither reads nor writes through a link in place of a folder', async () => {
    await using world = await startWorld();
    const folder = join(world.state, 'ondemand');
    await mkdir(join(world.sshd.folder, 'elsewhere'), { recursive: true });
    await mkdir(folder, { recursive: true, mode: 0o700 });
    for (const name of ['idle', 'leases', 'jobs'])
      await symlink(join(world.sshd.folder, 'elsewhere'), join(folder, name));
    const host = createIdleHost({ connection: world.connection, processId: 'aa' });
    const observation = await host.observe(request);
    expect(observation.apis).toEqual([]);
    // Who might be kept on by them is not known then.
    expect(observation.unreadable).toEqual(new Set(['leases', 'jobs']));
    await expect(host.note([{ name: 'cpu', at: { secondsAgo: 0 }, by: 'x' }])).rejects.toThrow(
      /cannot be written/,
    );
    expect(await readdir(join(world.sshd.folder, 'elsewhere'))).toEqual([]);
  });
});

describe.each([['sh'], ['busybox', 'sh']])(
  'the scripts of %s, where no byte can be written',
  (...shell) => {
    it('say so, leave what was there, and tell nobody who is logged in', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'ondemand-full-'));
      onTestFinished(() => rm(folder, { recursive: true }));
      const state = join(folder, 'ondemand', 'idle');
      await mkdir(state, { recursive: true, mode: 0o700 });
      await writeFile(join(folder, 'wall'), '#!/bin/sh\n: >"$0.told"\n', { mode: 0o755 });
      await writeFile(join(state, 'use.cpu'), '5 web\n');
      const run = (limit: string, ...argv: string[]) =>
        spawnSync(
          'sh',
          // A write past the limit fails as one to a full disk does.
          ['-c', `trap '' XFSZ; ulimit -f ${limit}; exec "$@"`, 'sh', ...shell, ...argv],
          {
            env: { PATH: `${folder}:${process.env.PATH}`, XDG_STATE_HOME: folder },
            encoding: 'utf8',
          },
        );
      const note = toArgv(noteScript, 'cpu', '9', 'api', 'jobs', '9', 'j').slice(1);
      const announce = toArgv(announceScript, '99', 'idle', 'soon').slice(1);
      const claim = toArgv(claimScript, '1', 'idle', '99').slice(1);
      for (const argv of [note, announce, claim])
        expect(run('0', ...argv)).toMatchObject({ status: scriptExits.noFolder, stdout: '' });
      expect((await readdir(state)).sort()).toEqual(['claim.lock', 'use.cpu']);
      expect(await readFile(join(state, 'use.cpu'), 'utf8')).toBe('5 web\n');
      expect(await readdir(folder)).not.toContain('wall.told');
      // What a crash of the VM has left empty must not be in the way for ever.
      await writeFile(join(state, 'use.jobs'), '');
      for (const argv of [note, announce]) expect(run('unlimited', ...argv).status).toBe(0);
      expect(run('unlimited', ...claim)).toMatchObject({ status: 0, stdout: 'claimed\n' });
      expect(await readFile(join(state, 'use.cpu'), 'utf8')).toBe('9 api\n');
      expect(await readFile(join(state, 'use.jobs'), 'utf8')).toBe('9 j\n');
    });
  },
);

function toProcess({ id }: VmObservation['apis'][number]): string | undefined {
  return id.split('.')[0];
}

async function readUntil<T>(read: () => Promise<T>, isDone: (value: T) => boolean): Promise<T> {
  let value = await read();
  await until(async () => {
    value = await read();
    return isDone(value);
  });
  return value;
}

const header =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';

/** A container whose server listens on both families, one with too many clients, and one that may not be read. */
async function writeProc(proc: string): Promise<void> {
  const line = (local: string, remote: string, state: string) =>
    `   0: ${local} ${remote} ${state} 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0\n`;
  const any6 = '0'.repeat(32);
  const files: Record<string, string> = {
    stat: `cpu 1 2\nbtime ${Math.floor(Date.now() / 1000) - 60}\n`,
    'sys/kernel/random/boot_id': 'first\n',
    '1/comm': 'init\n',
    'self/net/tcp':
      header +
      line('010200C0:1F90', '086433C6:04D2', '01') +
      line('010200C0:1F91', '086433C6:04D2', '01'),
    '42/net/tcp':
      header +
      line('00000000:0050', '00000000:0000', '0A') +
      line('020011AC:0050', '076433C6:C822', '01') +
      line('020011AC:C822', '076433C6:0050', '01') +
      line('0100007F:0050', '0100007F:C823', '01') +
      line('020011AC:0050', '096433C6:C822', '06'),
    '42/net/tcp6':
      header +
      line(`${any6}:0050`, `${any6}:0000`, '0A') +
      line('B80D0120000000000000000002000000:0050', 'B80D0120000000000000000005000000:9C40', '01') +
      line('0000000000000000FFFF0000020011AC:0050', '0000000000000000FFFF0000090200C0:9C41', '01') +
      line('0000000000000000FFFF00000100007F:0050', '0000000000000000FFFF00000100007F:9C41', '01'),
    '43/net/tcp':
      header +
      line('00000000:0050', '00000000:0000', '0A') +
      line('020011AC:0050', '076433C6:C822', '01').repeat(5000),
    '44/comm': 'secret\n',
  };
  for (const [name, text] of Object.entries(files)) {
    await mkdir(join(proc, name, '..'), { recursive: true });
    await writeFile(join(proc, name), text);
  }
}
