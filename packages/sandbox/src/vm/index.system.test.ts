import { readdir, readFile, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import ssh2 from 'ssh2';
import { expect, onTestFinished, test } from 'vitest';
import { createEd25519Key } from '../ed25519-key.ts';
import { parseFrames, readAll } from '../testing/engine.test-support.ts';
import {
  openExec,
  openSocket,
  requestOver,
  runOn,
  startTestVm,
  type TestVm,
} from '../testing/vm.test-support.ts';

async function start(options?: { powered?: boolean; homeName?: string }): Promise<TestVm> {
  const app = await startTestVm(options);
  onTestFinished(() => app[Symbol.asyncDispose]());
  return app;
}

function dial(app: TestVm): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: app.vm.port });
    onTestFinished(() => void socket.destroy());
    socket.once('error', reject).once('connect', () => resolve(socket));
  });
}

function closed(emitter: NodeJS.EventEmitter): Promise<void> {
  return new Promise((resolve) => emitter.once('close', () => resolve()));
}

/** Claims to have a key and signs with another. */
function createLiar(publicLine: string, privatePem: string): ssh2.BaseAgent {
  const secret = ssh2.utils.parseKey(privatePem);
  if (secret instanceof Error) throw secret;
  const agent: ssh2.BaseAgent = Object.create(ssh2.BaseAgent.prototype);
  return Object.assign(agent, {
    getIdentities: (done: (error: undefined, keys: string[]) => void) =>
      done(undefined, [publicLine]),
    sign: (_key: unknown, data: Buffer, _options: unknown, done: (...args: unknown[]) => void) =>
      done(undefined, secret.sign(data)),
  });
}

/** A zombie that nobody has reaped yet is dead. */
async function isAlive(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ') Z ');
  return !status.includes(') Z ');
}

test('docker works where TMPDIR is so long that no socket could be in it, and leaves no folder behind', async () => {
  const listSocketFolders = async () =>
    (await readdir('/tmp')).filter((name) => name.startsWith('ondemand-vm-'));
  const before = await listSocketFolders();
  const app = await startTestVm({ homeName: 'h'.repeat(110) });
  const end = await app.run('docker ps -a');
  await app[Symbol.asyncDispose]();
  expect(end.exitCode).toBe(0);
  expect((await listSocketFolders()).filter((name) => !before.includes(name))).toEqual([]);
});

test('commands run in a real shell in the private home, with their exit code and both streams', async () => {
  const app = await start();
  const end = await app.run('pwd; echo oops >&2; readlink -f stacks; test -d stacks && exit 7');
  const { home } = app;
  const stdout = `${home}\n${join(home, 'stacks')}\n`;
  expect(end).toEqual({ exitCode: 7, signal: undefined, stdout, stderr: 'oops\n' });
});

test('a command killed by a signal says so, and stdin arrives to its end', async () => {
  const app = await start();
  expect(await app.run('kill -9 $$')).toMatchObject({ exitCode: null, signal: 'SIGKILL' });
  const channel = await openExec(await app.login(), 'cat; echo done');
  const text = readAll(channel as never);
  channel.end('grüße');
  expect((await text).toString()).toBe('grüßedone\n');
});

test('nothing of the host environment reaches a command', async () => {
  process.env.SANDBOX_TEST_SECRET = 'hunter2';
  onTestFinished(() => void delete process.env.SANDBOX_TEST_SECRET);
  const app = await start();
  const { stdout } = await app.run('env');
  const names = stdout
    .trim()
    .split('\n')
    .map((line) => line.split('=')[0]);
  expect(names.sort()).toEqual(
    [
      ...['HOME', 'HOST_PROC', 'LOGNAME', 'ONDEMAND_SANDBOX_VM', 'PATH', 'PWD', 'SHELL'],
      ...['SSH_CONNECTION', 'USER'],
    ].sort(),
  );
  expect(stdout).toContain(`HOME=${app.home}\n`);
});

test('docker and docker-compose are the sandbox own, wherever a real engine may be', async () => {
  const app = await start();
  const { stdout } = await app.run(
    'command -v docker; command -v docker-compose; docker ps --format "{{.Names}}"',
  );
  const [docker, compose, ...names] = stdout.trim().split('\n');
  expect([docker, compose]).toEqual([
    join(app.home, 'bin/docker'),
    join(app.home, 'bin/docker-compose'),
  ]);
  const running = app.vm.engine.containers.filter(({ status }) =>
    ['running', 'paused', 'restarting'].includes(status),
  );
  expect(names.sort()).toEqual(running.map(({ name }) => name).sort());
  const elsewhere = await app.run('DOCKER_HOST=unix:///tmp/other.sock docker ps');
  expect(elsewhere).toMatchObject({
    exitCode: 1,
    stderr:
      'Cannot connect to the Docker daemon at unix:///tmp/other.sock. Is the docker daemon running?\n',
  });
});

test('the home server has every state, and an nginx with a long log', async () => {
  const app = await start();
  const { stdout } = await app.run(
    'docker ps -a --format "{{.State}} {{.Names}} {{.Ports}} {{.Status}}"',
  );
  const lines = stdout.trim().split('\n');
  const states = new Set(lines.map((line) => line.split(' ')[0]));
  expect([...states].sort()).toEqual(['created', 'exited', 'paused', 'restarting', 'running']);
  expect(lines).toContain(
    'running nginx 0.0.0.0:8080->80/tcp, [::]:8080->80/tcp Up 3 hours (healthy)',
  );
  expect(lines).toContain('exited backup  Exited (0) 2 days ago');
  const nginx = app.vm.engine.find('nginx');
  const log = nginx?.log;
  expect(log?.next).toBeGreaterThan(200);
  const entries = Array.from({ length: log?.next ?? 0 }, (_, number) => log?.at(number));
  expect(new Set(entries.map((entry) => entry?.stream))).toEqual(new Set(['stdout', 'stderr']));
  expect(app.vm.engine.containers.some(({ spec }) => spec.tty)).toBe(true);
});

test('the engine answers over direct-streamlocal, kept alive and in order', async () => {
  const app = await start();
  const client = await app.login();
  const channel = await openSocket(client);
  const list = await requestOver(channel, '/v1.44/containers/json?all=1');
  expect(JSON.parse((await readAll(list)).toString())).toHaveLength(
    app.vm.engine.containers.length,
  );
  const logs = await requestOver(
    await openSocket(client),
    '/containers/nginx/logs?stdout=1&tail=3',
  );
  expect(parseFrames(await readAll(logs)).length).toBeLessThanOrEqual(3);
  expect(app.vm.engine.count('GET /containers/json')).toBe(1);
  await expect(openSocket(client, '/var/run/other.sock')).rejects.toMatchObject({
    message: '(SSH) Channel open failure: open failed',
    reason: 2,
  });
});

test('a body cut by the engine is cut for the client too, and no connection is left over', async () => {
  const app = await start();
  const client = await app.login();
  app.faults.docker.cutsBody = true;
  const channel = await openSocket(client);
  const response = await requestOver(channel, '/containers/json?all=1');
  await expect(readAll(response)).rejects.toThrow(/aborted/);
  app.faults.reset();
  await openSocket(client);
  await expect.poll(() => app.vm.engine.connections).toBe(1);
  client.destroy();
  await expect.poll(() => app.vm.engine.connections).toBe(0);
  expect(app.vm.connections).toBe(0);
});

test('docker system dial-stdio carries the API over an exec channel', async () => {
  const app = await start();
  const channel = await openExec(await app.login(), 'docker system dial-stdio');
  const gone = closed(channel); // which the end of the answer may bring about before ours
  const response = await requestOver(channel, '/containers/nginx/logs?stdout=1&stderr=1');
  const nginx = app.vm.engine.find('nginx');
  expect(parseFrames(await readAll(response))).toHaveLength(nginx?.log.next ?? 0);
  channel.end();
  await gone;
});

test.each([
  [
    'socketMissing',
    'Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?\n',
  ],
  ['socketDenied', /^permission denied while trying to connect to the Docker daemon socket/],
  ['dialStdioFails', 'dial-stdio is out of order\n'],
] as const)('with %s docker system dial-stdio fails in words', async (fault, stderr) => {
  const app = await start();
  app.faults.docker[fault] = true;
  const end = await app.run('docker system dial-stdio');
  expect(end).toMatchObject({ exitCode: 1, stdout: '' });
  expect(end.stderr).toMatch(stderr);
  const forwarded = openSocket(await app.login());
  if (fault === 'dialStdioFails') (await forwarded).end();
  else await expect(forwarded).rejects.toMatchObject({ reason: 2 });
});

test('only the one key of the one user may log in', async () => {
  const app = await start();
  const refused = /All configured authentication methods failed/;
  const other = createEd25519Key().privatePem;
  await expect(app.login({ privateKey: other })).rejects.toThrow(refused);
  await expect(app.login({ username: 'root' })).rejects.toThrow(refused);
  await expect(app.login({ password: 'opc', authHandler: ['password'] })).rejects.toThrow(refused);
  await expect(app.login({ agent: createLiar(app.publicLine, other) })).rejects.toThrow(refused);
  app.faults.ssh.auth = 'reject';
  await expect(app.login()).rejects.toThrow(refused);
  app.faults.reset();
  (await app.login()).end();
});

test('the host key is the announced one and changes when told to', async () => {
  const app = await start();
  const seen = async (): Promise<string> => {
    let key: Buffer = Buffer.alloc(0);
    const client = await app.login({
      hostVerifier: (offered: Buffer) => {
        key = offered;
        return true;
      },
    });
    client.end();
    return `ssh-ed25519 ${key.toString('base64')}`;
  };
  const first = app.vm.hostPublicKey;
  expect(await seen()).toBe(first);
  expect(app.vm.hostKeyFingerprint).toMatch(/^SHA256:[A-Za-z0-9+/]{43}$/);
  app.vm.changeHostKey();
  expect(app.vm.hostPublicKey).not.toBe(first);
  expect(await seen()).toBe(app.vm.hostPublicKey);
});

test('sessions are limited per connection, forwarded channels are not', async () => {
  const app = await start();
  const client = await app.login();
  const open = await Promise.all(Array.from({ length: 10 }, () => openExec(client, 'cat')));
  await expect(openExec(client, 'cat')).rejects.toMatchObject({ reason: 2 });
  await Promise.all(Array.from({ length: 30 }, () => openSocket(client)));
  const [first] = open;
  if (first === undefined) throw new Error('no channel was opened');
  first.resume().end();
  await closed(first);
  expect((await runOn(client, 'echo free again')).stdout).toBe('free again\n');
  app.faults.ssh.exec = false;
  await expect(openExec(client, 'cat')).rejects.toMatchObject({ reason: 2 });
});

test('with forwarding off the socket is refused as OpenSSH does, and dial-stdio still works', async () => {
  const app = await start();
  app.faults.ssh.forwarding = false;
  const client = await app.login();
  await expect(openSocket(client)).rejects.toMatchObject({
    message: '(SSH) Channel open failure: open failed',
    reason: 2,
  });
  const channel = await openExec(client, 'docker system dial-stdio');
  expect((await requestOver(channel, '/_ping')).statusCode).toBe(200);
});

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

test('a bulk of output passes unharmed', async () => {
  const app = await start();
  const file = join(app.home, 'bulk');
  await writeFile(file, Buffer.alloc(5 * 1_048_576, 'x'));
  const { stdout } = await app.run(`cat ${file}`);
  expect(stdout.length).toBe(5 * 1_048_576);
});
