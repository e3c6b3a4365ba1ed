// The real VM is the yardstick of everything else, so it is held to its own promises first.

import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { openSuite } from '../support/disposer.ts';
import { run, runOk } from '../support/run.ts';
import { until } from '../support/until.ts';
import { baseImage } from './base-image.ts';
import { startComposeProject } from './compose-project.ts';
import { describeRealEngine, requireTool } from './real-engine-problem.ts';
import { type RealVm, startRealVm } from './start-real-vm.ts';

describeRealEngine('startRealVm()', () => {
  describe('as several tests use it one after another', () => {
    let vm: RealVm;
    beforeAll(() =>
      openSuite(async (opened) => {
        vm = opened.use(await startRealVm());
      }),
    );

    test('gives a user of the docker group whose docker is the private one', async () => {
      const { stdout } = await vm.ssh('hostname; id -nG; docker images -q --no-trunc');
      const image = await vm.docker('images', '-q', '--no-trunc', baseImage);
      expect(stdout).toBe(`oci-flex\nopc docker\n${image}`);
    });

    test('sshd is away after kill() with every session, and stays reachable through old ones after stopListening()', async () => {
      const killed = vm.ssh('touch first; sleep 100000');
      await waitForFile(join(vm.home, 'first'));
      await vm.sshd.kill();
      expect((await killed).exitCode).toBe(255);
      expect((await vm.ssh('true')).stderr).toContain('Connection refused');

      await vm.sshd.start();
      const kept = vm.ssh('touch second; until [ -e go ]; do sleep 0.05; done; echo done');
      await waitForFile(join(vm.home, 'second'));
      await vm.sshd.stopListening();
      expect((await vm.ssh('true')).stderr).toContain('Connection refused');
      await vm.sshd.start();
      await vm.ssh('touch go');
      expect((await kept).stdout).toBe('done\n');
    });

    test('dockerd can crash, come back, hang and go on', async () => {
      const runApp = 'run --detach --init --network host --restart always --name app'.split(' ');
      await vm.docker(...runApp, baseImage, 'sleep', '9999');
      await vm.engine.kill();
      await expect(vm.docker('ps')).rejects.toThrow('Cannot connect to the Docker daemon');
      await vm.engine.start();
      expect(await vm.docker('ps', '-a', '--format', '{{.Names}} {{.State}}')).toBe(
        'app running\n',
      );

      await vm.engine.restart();
      expect(await vm.docker('ps', '-a', '--format', '{{.Names}}')).toBe('app\n');

      vm.engine.hang();
      const asked = runOk([requireTool('docker'), '-H', `unix://${vm.dockerSocket}`, 'ps'], {
        timeoutMs: 1000,
      });
      await expect(asked).rejects.toThrow('still ran after 1000 ms');
      vm.engine.resume();
      expect(await vm.docker('ps', '-a', '--format', '{{.Names}}')).toBe('app\n');
      await vm.docker('rm', '--force', 'app');
    });

    test('a compose project shows each state, its ports and what it was built from', async () => {
      const project = await startComposeProject(vm);
      const states = await vm.docker('ps', '-a', '--format', '{{.Names}} {{.State}}');
      expect(states.trim().split('\n').sort()).toEqual([
        'backup paused',
        'cache running',
        'console running',
        'import-job running',
        'migrate exited',
        'nginx running',
        'spare created',
        'vault running',
        'worker running',
      ]);
      expect(await vm.docker('port', 'nginx')).toContain('80/tcp -> 0.0.0.0:8080');
      expect(await project.readPage()).toBe('first');
      await project.writePage('second');
      expect(await project.readPage()).toBe('first');
      await project.compose('up', '-d', '--build', '--no-deps', project.containers.web);
      expect(await project.readPage()).toBe('second');
    });

    // Last: nobody who knew the VM gets in any more.
    test('a changed host key is not the one that was known', async () => {
      await vm.sshd.changeHostKey();
      await vm.sshd.restart();
      expect((await vm.ssh('true')).stderr).toContain('REMOTE HOST IDENTIFICATION HAS CHANGED');
    });
  });

  test('leaves nothing behind, not even of a paused container, a stopped dockerd and an open session', async () => {
    const linksBefore = await listLinks();
    await using vm = await startRealVm();
    const folder = dirname(vm.dockerSocket);
    await vm.docker('run', '-d', '--name', 'app', '-p', '8080:80', baseImage, 'sleep', '100000');
    await vm.docker('run', '-d', '--name', 'other', baseImage, 'sleep', '100000');
    await vm.docker('pause', 'app');
    const session = vm.ssh('setsid sleep 100000 & touch open; sleep 100000');
    await waitForFile(join(vm.home, 'open'));
    vm.engine.hang();
    expect(await findTraces(folder)).not.toEqual([]);

    await vm[Symbol.asyncDispose]();

    expect(await findTraces(folder)).toEqual([]);
    expect(await listLinks()).toEqual(linksBefore);
    expect((await session).exitCode).not.toBe(0);
  });

  test('leaves nothing behind when it cannot start', async () => {
    const parent = await mkdtemp(join(tmpdir(), 'ondemand-failing-'));
    vi.stubEnv('TMPDIR', parent);
    onTestFinished(() => {
      vi.unstubAllEnvs();
    });
    await expect(startRealVm({ sshdConfig: ['NoSuchKeyword yes'] })).rejects.toThrow('sshd ended');
    expect(await readdir(parent)).toEqual([]);
    await rmdir(parent);
    expect(await findTraces(parent)).toEqual([]);
  });

  test('sshd takes lines that win over ours, and forgets them with the next start', async () => {
    await using vm = await startRealVm({ sshdConfig: ['ForceCommand echo forced'] });
    expect((await vm.ssh('echo mine')).stdout).toBe('forced\n');
    await vm.sshd.restart(['ForceCommand echo other']);
    expect((await vm.ssh('echo mine')).stdout).toBe('other\n');
  });
});

async function waitForFile(path: string): Promise<void> {
  await until(path, () => existsSync(path));
}

/** Processes, mounts, control groups and files that bear the VM's name. */
async function findTraces(folder: string): Promise<readonly string[]> {
  const name = folder.slice(folder.lastIndexOf('/') + 1);
  const pids = (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry));
  const traces: string[] = existsSync(folder) ? [folder] : [];
  for (const pid of pids) {
    const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (line.includes(name)) traces.push(`process ${pid}: ${line.replaceAll('\0', ' ')}`);
  }
  const mounts = await readFile('/proc/self/mounts', 'utf8');
  traces.push(...mounts.split('\n').filter((line) => line.includes(name)));
  const groups = await run(['find', '/sys/fs/cgroup', '-type', 'd', '-name', name]);
  traces.push(...groups.stdout.split('\n').filter(Boolean));
  return traces;
}

async function listLinks(): Promise<string> {
  return runOk([requireTool('ip'), '-oneline', 'link']);
}
