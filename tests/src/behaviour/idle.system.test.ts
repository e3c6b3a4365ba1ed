// What keeps the VM on, on a real engine behind a real sshd: each use is seen and named, and its end as well.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { IdleVerdict, Signal } from '@ondemand/client';
import { beforeAll, expect, test } from 'vitest';
import { baseImage } from '../real-engine/base-image.ts';
import { describeRealEngine } from '../real-engine/real-engine-problem.ts';
import { type RealVm, startRealVm } from '../real-engine/start-real-vm.ts';
import { openSuite } from '../support/disposer.ts';
import { type App, startAppHere } from '../support/start-sandbox-and-api.ts';
import { until } from '../support/until.ts';

describeRealEngine('the idle verdict on a real engine', () => {
  let vm: RealVm;
  let app: App;
  beforeAll(() =>
    openSuite(async (opened) => {
      vm = opened.use(await startRealVm());
      app = opened.use(await startAppHere({ env: vm.env }));
    }),
  );

  const run = (name: string, options: readonly string[], ...command: readonly string[]) =>
    vm.docker('run', '--detach', '--init', '--name', name, ...options, baseImage, ...command);
  /** To a port that the VM publishes. */
  const connect = (port: number) => {
    const argv = ['--target', String(vm.pid), '--net', '--', 'busybox', 'nc', '127.0.0.1'];
    const stdio = ['pipe', 'ignore', 'inherit'] as const;
    const client = spawn('nsenter', [...argv, String(port)], { stdio: [...stdio] });
    const gone = once(client, 'close');
    return {
      async end() {
        client.kill('SIGKILL');
        await gone;
      },
    };
  };
  const observe = async (name: Signal['name']) => {
    const { signals } = await app.getJson<IdleVerdict>('/vm/idle');
    const found = signals.find((signal) => signal.name === name);
    return found ?? expect.unreachable(`no signal ${name}`);
  };
  const seen = (name: Signal['name'], state: Signal['state']) =>
    until(`${name} to be ${state}`, async () => {
      const found = await observe(name);
      return found.state === state ? found : undefined;
    });

  test('a client of a published port keeps it on and is named with its address, the health check does not', async () => {
    await run(
      'web',
      [
        '--publish',
        '8080:80',
        '--health-cmd',
        'wget -q -O /dev/null http://127.0.0.1/',
        '--health-interval',
        '1s',
      ],
      'sh',
      '-c',
      'echo hello >/index.html; exec httpd -f -h / -p 80',
    );
    await until(
      'the health check to have passed',
      async () => (await vm.inspect('web')).State.Health?.Status === 'healthy',
    );
    expect(await observe('connections')).toMatchObject({ state: 'unused', value: 0 });
    const client = connect(8080);
    const { by, value } = await seen('connections', 'used');
    expect(by).toMatch(/^web:80 from 172\.\d+\.\d+\.\d+:\d+$/);
    expect(value).toBe(1);
    await client.end();
    await seen('connections', 'unused');
    // Its checks would cost the tests that follow more than themselves.
    await vm.docker('rm', '--force', 'web');
  });

  test('a client of a container in the network of an ignored one keeps it on, also while that one is paused', async () => {
    const ignore = ['--label', 'ondemand.idle=ignore'];
    await run('vpn', ['--publish', '8081:80', ...ignore], 'sleep', '1000');
    await run('torrent', ['--network', 'container:vpn'], 'httpd', '-f', '-p', '80');
    const client = connect(8081);
    const { by } = await seen('connections', 'used');
    expect(by).toMatch(/^torrent:80 from 172\.\d+\.\d+\.\d+:\d+$/);
    await vm.docker('pause', 'vpn');
    expect((await observe('connections')).by).toMatch(/^torrent:80 from /);
    await client.end();
    await seen('connections', 'unused');
    await vm.docker('rm', '--force', 'torrent', 'vpn');
  });

  test('a session of somebody else keeps it on, the connection of the API does not', async () => {
    expect(await observe('sessions')).toMatchObject({ state: 'unused', value: 0 });
    const file = join(vm.home, 'stay');
    await writeFile(file, '');
    const session = vm.ssh(`while [ -e '${file}' ]; do sleep 0.1; done`);
    expect((await seen('sessions', 'used')).by).toMatch(/^ssh from 127\.0\.0\.1:\d+$/);
    await rm(file);
    await session;
    await seen('sessions', 'unused');
  });

  test('a busy loop in a container keeps it on, and is named', async () => {
    await run('busy', ['--cpus', '0.5'], 'sh', '-c', 'while :; do :; done');
    const { by } = await seen('cpu', 'used');
    expect(by).toMatch(/busy \d+ %/);
    await vm.docker('rm', '--force', 'busy');
    await seen('cpu', 'unused');
  });

  test('a probe is run inside its container: 0 is busy, 1 is idle, and one that hangs is unknown', async () => {
    await run(
      'game',
      ['--label', 'ondemand.idle.probe=test -e /players && exit 0; exit 1'],
      'sleep',
      '1000',
    );
    expect(await observe('probe')).toMatchObject({ state: 'unused' });
    await vm.docker('exec', 'game', 'touch', '/players');
    expect(await seen('probe', 'used')).toMatchObject({ by: 'game' });
    await vm.docker('rm', '--force', 'game');
    await run('hanging', ['--label', 'ondemand.idle.probe=sleep 1000'], 'sleep', '1000');
    expect((await seen('probe', 'unknown')).reason).toContain("'hanging'");
    expect((await app.getJson<IdleVerdict>('/vm/idle')).stopsAt).toBe(null);
    await vm.docker('rm', '--force', 'hanging');
  });

  test('on the network of the VM it goes by ports that image or label name', async () => {
    await run('proxy', ['--network', 'host'], 'sleep', '1000');
    expect((await seen('connections', 'unknown')).reason).toContain("'proxy'");
    await vm.docker('rm', '--force', 'proxy');
    await run('proxy', ['--network', 'host', '--label', 'ondemand.idle=ignore'], 'sleep', '1000');
    await seen('connections', 'unused');
    await vm.docker('rm', '--force', 'proxy');
  });
});
