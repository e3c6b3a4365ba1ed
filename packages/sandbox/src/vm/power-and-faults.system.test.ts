// The sandbox's VM as it goes off and on, and as its network fails.

import { readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import {
  closed,
  openExec,
  runOn,
  start,
  startTestVm,
  type TestVm,
} from '../testing/vm.test-support.ts';

function dial(app: TestVm): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: app.vm.port });
    onTestFinished(() => void socket.destroy());
    socket.once('error', reject).once('connect', () => resolve(socket));
  });
}

/** A zombie that nobody has reaped yet is dead. */
async function isAlive(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ') Z ');
  return !status.includes(') Z ');
}

test('powerOff() cuts everything, kills detached commands too, and the port comes back', async () => {
  const app = await start();
  const { vm } = app;
  const client = await app.login();
  const pidFile = join(app.home, 'pid');
  await app.run(
    `setsid sh -c 'echo $$ > ${pidFile}; exec sleep 1000' > /dev/null 2>&1 < /dev/null &`,
  );
  await expect.poll(() => readFile(pidFile, 'utf8').catch(() => '')).toMatch(/^\d+\n$/);
  const pid = Number(await readFile(pidFile, 'utf8'));
  expect(await isAlive(pid)).toBe(true);
  const { port, connections } = vm;
  expect(connections).toBe(2);

  const cut = closed(client);
  await vm.powerOff();
  await cut;
  expect(vm.connections).toBe(0);
  await expect.poll(() => isAlive(pid)).toBe(false);
  await expect(dial(app)).rejects.toMatchObject({ code: 'ECONNREFUSED' });

  await vm.powerOn();
  expect(vm.port).toBe(port);
  expect((await runOn(await app.login(), 'echo back')).stdout).toBe('back\n');
  expect(vm.connects).toBe(3);
  expect(vm.engine.find('nginx')?.status).toBe('running');
  expect(vm.engine.find('watch')).toMatchObject({ status: 'exited', exitCode: 255 });
});

test('power can be switched twice and listens where it is told to', async () => {
  const app = await start({ powered: false });
  await expect(dial(app)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  await app.vm.powerOff();
  await Promise.all([app.vm.powerOn('127.0.0.2'), app.vm.powerOn('127.0.0.2')]);
  await expect(dial(app)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  const sock = connect({ host: '127.0.0.2', port: app.vm.port });
  (await app.login({ sock })).end();
});

test('mode refuse closes the port and leaves live connections alone', async () => {
  const app = await start();
  const client = await app.login();
  app.faults.ssh.mode = 'refuse';
  await expect(dial(app)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  expect((await runOn(client, 'echo alive')).stdout).toBe('alive\n');
  app.faults.reset();
  await expect.poll(() => app.login().then(() => 'in', String)).toBe('in');
});

test('modes drop and silent never say a byte', async () => {
  const app = await start();
  app.faults.ssh.mode = 'drop';
  const dropped = await dial(app);
  const heard: Buffer[] = [];
  dropped.on('data', (bytes) => heard.push(bytes));
  await closed(dropped);
  app.faults.ssh.mode = 'silent';
  const silent = await dial(app);
  silent.on('data', (bytes) => heard.push(bytes));
  silent.write('SSH-2.0-test\r\n');
  await expect(app.login({ readyTimeout: 200 })).rejects.toThrow(/Timed out/);
  expect(heard).toEqual([]);
  silent.end();
  await closed(silent);
});

test('bannerDelayMs holds back the banner', async () => {
  const app = await start();
  app.faults.ssh.bannerDelayMs = 150;
  const banner = new Promise<Buffer>(
    (resolve) => void dial(app).then((socket) => socket.once('data', resolve)),
  );
  expect(await Promise.race([banner, sleep(100, 'nothing')])).toBe('nothing');
  expect((await banner).toString()).toMatch(/^SSH-2.0-OpenSSH/);
});

test('a frozen link passes nothing, not even the end, until it thaws', async () => {
  const app = await start();
  const client = await app.login();
  app.faults.ssh.mode = 'freeze';
  const answer = runOn(client, 'echo thawed');
  await expect(app.login({ readyTimeout: 100 })).rejects.toThrow(/Timed out/);
  expect(await Promise.race([answer, sleep(100, 'nothing')])).toBe('nothing');
  app.faults.reset();
  expect((await answer).stdout).toBe('thawed\n');

  app.faults.ssh.mode = 'freeze';
  const cut = closed(client);
  await app.vm.powerOff();
  expect(await Promise.race([cut, sleep(100, 'nothing')])).toBe('nothing');
  app.faults.reset();
  await cut;
});

test('a dropped SSH connection leaves detached commands running', async () => {
  const app = await start();
  const client = await app.login();
  const file = join(app.home, 'written');
  await openExec(
    client,
    `setsid sh -c 'sleep 0.2; echo yes > ${file}' > /dev/null 2>&1 < /dev/null &`,
  );
  client.destroy();
  await expect.poll(() => readFile(file, 'utf8').catch(() => '')).toBe('yes\n');
});

test('disposing twice is fine and leaves no process behind', async () => {
  const app = await startTestVm();
  const channel = await openExec(await app.login(), 'echo $$; exec sleep 1000');
  const pid = await new Promise<number>((resolve) =>
    channel.once('data', (bytes: Buffer) => resolve(Number(bytes))),
  );
  await app.vm[Symbol.asyncDispose]();
  await app[Symbol.asyncDispose]();
  await expect.poll(() => isAlive(pid)).toBe(false);
});
