// The sandbox's VM as an SSH client meets it: its shell, its engine, who may log in.

import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { expect, onTestFinished, test } from 'vitest';
import { createEd25519Key } from '../ed25519-key.ts';
import { parseFrames, readAll } from '../testing/engine.test-support.ts';
import {
  closed,
  openExec,
  openSocket,
  requestOver,
  runOn,
  start,
  startTestVm,
} from '../testing/vm.test-support.ts';

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

test('a bulk of output passes unharmed', async () => {
  const app = await start();
  const file = join(app.home, 'bulk');
  await writeFile(file, Buffer.alloc(5 * 1_048_576, 'x'));
  const { stdout } = await app.run(`cat ${file}`);
  expect(stdout.length).toBe(5 * 1_048_576);
});
