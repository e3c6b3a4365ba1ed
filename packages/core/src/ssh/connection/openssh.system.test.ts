// The connection against a real sshd of OpenSSH.

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, readFile, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import {
  closed,
  countIntervals,
  expectFailure,
} from '../../testing/expect-failure.test-support.ts';
import {
  connectTo,
  describeSshd,
  generateKey,
  type SshdOptions,
  startSshd,
} from '../../testing/sshd.test-support.ts';
import { startFaultProxy } from '../../testing/tcp-faults.test-support.ts';
import { until } from '../../testing/until.test-support.ts';
import { createShell } from '../command/exec.ts';

async function startWeb(path: string, answer: string) {
  const web = http.createServer((_request, response) => response.end(answer)).listen(path);
  await once(web, 'listening');
  return {
    [Symbol.asyncDispose]: async () => {
      web.closeAllConnections();
      web.close();
      await once(web, 'close');
    },
  };
}

const request = 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';

describeSshd('with a real sshd', () => {
  it('serves sockets and commands over one connection', async () => {
    await using sshd = await startSshd();
    const path = join(sshd.folder, 'web.sock');
    await using _web = await startWeb(path, 'from the VM');
    await using connection = connectTo(sshd);
    const bodies = await Promise.all(
      Array.from({ length: 30 }, async () => {
        const stream = await connection.openSocket(path);
        stream.write(request);
        return (await stream.toArray()).join('');
      }),
    );
    for (const body of bodies) expect(body).toMatch(/from the VM$/);
    const stream = await connection.openCommand(['cat']);
    stream.end('through a command');
    expect((await stream.toArray()).join('')).toBe('through a command');
    expect(sshd.log().match(/Accepted publickey/g)).toHaveLength(1);
    await until(() => connection.channels.sockets === 0 && connection.channels.commands === 0);
  });

  it('accepts a known hosts file that ssh-keygen has hashed, for each type of host key', async () => {
    await using sshd = await startSshd({ hostKeyTypes: ['rsa', 'ecdsa', 'ed25519'] });
    execFileSync('ssh-keygen', ['-q', '-H', '-f', sshd.knownHostsFile], { stdio: 'ignore' });
    const hashed = (await readFile(sshd.knownHostsFile, 'utf8')).trim().split('\n');
    expect(hashed).toHaveLength(3);
    for (const line of hashed) {
      expect(line).toMatch(/^\|1\|/);
      await writeFile(sshd.knownHostsFile, line);
      await using connection = connectTo(sshd);
      await createShell(connection).run(['true']);
    }
  });

  it('finds the pinned key whatever its type', async () => {
    await using sshd = await startSshd({ hostKeyTypes: ['rsa', 'ecdsa', 'ed25519'] });
    for (const type of ['rsa', 'ecdsa', 'ed25519'] as const) {
      const hostKeyFingerprint = await sshd.fingerprint(type);
      await using connection = connectTo(sshd, { hostKeyFingerprint });
      await createShell(connection).run(['true']);
    }
    const hostKeyFingerprint = `SHA256:${'A'.repeat(43)}`;
    await using connection = connectTo(sshd, { hostKeyFingerprint });
    const error = await expectFailure(connection.exec(['true']), 'HOST_KEY_MISMATCH');
    expect(error.details.fingerprint).toBe(await sshd.fingerprint('ed25519'));
  });

  it('refuses a host key made again, and takes it once it is on file', async () => {
    await using sshd = await startSshd();
    await using connection = connectTo(sshd);
    await createShell(connection).run(['true']);
    await sshd.kill();
    await sshd.renewHostKey();
    await sshd.start();
    await until(() => !connection.connected);
    connection.drop('the test does not want to wait');
    const acceptedBefore = sshd.log().match(/Accepted|Failed|userauth/g)?.length;
    const error = await expectFailure(connection.exec(['true']), 'HOST_KEY_CHANGED');
    expect(error.details.fingerprint).toBe(await sshd.fingerprint());
    expect(sshd.log().match(/Accepted|Failed|userauth/g)?.length).toBe(acceptedBefore);
    await writeFile(sshd.knownHostsFile, `[127.0.0.1]:${sshd.port} ${await sshd.publicKey()}\n`);
    connection.drop('the test does not want to wait');
    await createShell(connection).run(['true']);
  });

  it('says that a key is not authorized', async () => {
    await using sshd = await startSshd();
    const privateKeyFile = join(sshd.folder, 'unknown-key');
    generateKey(privateKeyFile, 'ed25519');
    await using connection = connectTo(sshd, { privateKeyFile });
    const error = await expectFailure(connection.exec(['true']), 'AUTH_REJECTED');
    expect(error.details.retryAfterSeconds).toBeGreaterThanOrEqual(30);
    await expectFailure(connection.exec(['true']), 'AUTH_REJECTED');
    expect(sshd.log().match(/Connection from/g)?.length).toBeLessThanOrEqual(2);
  });

  it('says that a user does not exist', async () => {
    await using sshd = await startSshd();
    await using connection = connectTo(sshd, { username: 'nobody-of-that-name' });
    await expectFailure(connection.exec(['true']), 'AUTH_REJECTED');
  });

  it.each(['rsa', 'ecdsa', 'ed25519'] as const)(
    'logs in with an encrypted %s key',
    async (type) => {
      await using sshd = await startSshd();
      const privateKeyFile = join(sshd.folder, 'encrypted');
      generateKey(privateKeyFile, type, 'open sesame');
      await writeFile(`${sshd.privateKeyFile}.pub`, await readFile(`${privateKeyFile}.pub`));
      await using connection = connectTo(sshd, { privateKeyFile, passphrase: 'open sesame' });
      await createShell(connection).run(['true']);
      await using wrong = connectTo(sshd, { privateKeyFile, passphrase: 'wrong' });
      await expectFailure(wrong.exec(['true']), 'PASSPHRASE_WRONG');
      await using missing = connectTo(sshd, { privateKeyFile });
      await expectFailure(missing.exec(['true']), 'PASSPHRASE_MISSING');
    },
  );

  it('logs in with the key of an agent, and says when the agent has none', async () => {
    await using sshd = await startSshd();
    await using agent = await startAgent(join(sshd.folder, 'agent'));
    const options = { privateKeyFile: undefined, agentSocket: agent.socket };
    await using empty = connectTo(sshd, options);
    await expectFailure(empty.exec(['true']), 'AGENT_EMPTY');
    execFileSync('ssh-add', ['-q', sshd.privateKeyFile], {
      env: { ...process.env, SSH_AUTH_SOCK: agent.socket },
    });
    await using connection = connectTo(sshd, options);
    await createShell(connection).run(['true']);
  });

  it('says that sshd has too many logins under way, and is well when they are gone', async () => {
    await using sshd = await startSshd({ config: ['MaxStartups 1:100:1'] });
    // sshd may still count the connection that tested its port.
    const idle = await eventually(async () => {
      const socket = connect(sshd.port, '127.0.0.1');
      const [greeting] = await once(socket, 'data');
      if (String(greeting).startsWith('SSH-')) return socket;
      socket.destroy();
      throw new Error('Not let in yet');
    });
    await using connection = connectTo(sshd);
    await expectFailure(connection.exec(['true']), 'TOO_MANY_CONNECTIONS');
    idle.destroy();
    await eventually(() => createShell(connection).run(['true']));
  });

  it('says that sshd allows no further session, while sockets still open', async () => {
    await using sshd = await startSshd({ config: ['MaxSessions 1'] });
    const path = join(sshd.folder, 'web.sock');
    await using _web = await startWeb(path, 'still here');
    await using connection = connectTo(sshd);
    const first = await connection.exec(['sleep', '4']);
    await expectFailure(connection.exec(['true']), 'SESSION_REFUSED');
    const stream = await connection.openSocket(path);
    stream.write(request);
    expect((await stream.toArray()).join('')).toMatch(/still here$/);
    expect(await first.exit).toBe(0);
    await eventually(() => createShell(connection).run(['true']));
  });

  it('waits for the session of a command that ends soon, where sshd allows but one', async () => {
    await using sshd = await startSshd({ config: ['MaxSessions 1'] });
    await using connection = connectTo(sshd);
    const shell = createShell(connection);
    const runs = Array.from({ length: 4 }, () => shell.run(['sleep', '0.2']));
    expect(await Promise.all(runs)).toEqual(runs.map(() => ({ exitCode: 0, output: '' })));
  });

  const refusals: readonly { name: string; config: SshdOptions['config'] }[] = [
    { name: 'forwarding is disabled', config: ['AllowStreamLocalForwarding no'] },
    { name: 'all forwarding is disabled', config: ['DisableForwarding yes'] },
    { name: 'the socket is missing', config: [] },
  ];
  it.each(refusals)('says that a socket is refused when $name', async ({ config = [] }) => {
    await using sshd = await startSshd({ config });
    const path = join(sshd.folder, 'web.sock');
    await using web = config.length > 0 ? await startWeb(path, 'x') : undefined;
    await using connection = connectTo(sshd);
    const error = await expectFailure(connection.openSocket(path), 'SOCKET_REFUSED');
    expect(error.cause).toMatchObject({ name: 'ChannelRefusedError', openFailure: 2 });
    expect(connection.connected).toBe(true);
    expect((await createShell(connection).run(['echo', 'alive'])).output).toBe('alive\n');
    expect(web === undefined).toBe(config.length === 0);
  });

  it('says that a socket is refused when the user may not use it', async () => {
    await using sshd = await startSshd();
    await chmod(sshd.folder, 0o755);
    const path = join(sshd.folder, 'web.sock');
    await using _web = await startWeb(path, 'x');
    await chmod(path, 0o600);
    await using connection = connectTo(sshd, { username: 'nobody' });
    await expectFailure(connection.openSocket(path), 'SOCKET_REFUSED');
    await chmod(path, 0o666);
    const stream = await connection.openSocket(path);
    stream.destroy();
  });

  it('survives the death of sshd: streams fail, then calls, then all is well', async () => {
    await using sshd = await startSshd();
    const path = join(sshd.folder, 'hang.sock');
    const hang = createServer().listen(path);
    await once(hang, 'listening');
    await using connection = connectTo(sshd);
    const stream = await connection.openSocket(path);
    const command = await connection.exec(['sleep', '60']);
    await sshd.kill();
    expect(await closed(stream)).toMatchObject({ details: { reason: 'CONNECTION_LOST' } });
    await expectFailure(command.exit, 'CONNECTION_LOST');
    await eventually(async () => {
      await expectFailure(connection.exec(['true']), 'CONNECTION_REFUSED');
    });
    await sshd.start();
    await eventually(() => createShell(connection).run(['true']));
    expect(connection.generation).toBe(2);
    hang.close();
  });

  it('finds a frozen sshd within four keepalives', async () => {
    await using sshd = await startSshd();
    await using connection = connectTo(sshd, { keepaliveMs: 400 });
    const command = await connection.exec(['sleep', '60']);
    sshd.signalSessions('SIGSTOP');
    using keepalives = countIntervals(400);
    await expectFailure(command.exit, 'PEER_SILENT');
    expect(keepalives.count).toBeLessThanOrEqual(4);
  });

  it('finds a blackholed link within four keepalives, and reconnects over a link that works again', async () => {
    await using sshd = await startSshd();
    await using proxy = await startFaultProxy(sshd.port);
    await using connection = connectTo(sshd, {
      port: proxy.port,
      hostKeyFingerprint: await sshd.fingerprint(),
      keepaliveMs: 400,
      connectTimeoutMs: 500,
    });
    const command = await eventually(() => connection.exec(['sleep', '60']));
    proxy.freeze();
    using keepalives = countIntervals(400);
    await expectFailure(command.exit, 'PEER_SILENT');
    expect(keepalives.count).toBeLessThanOrEqual(4);
    await expectFailure(connection.exec(['true']), 'HANDSHAKE_TIMEOUT');
    proxy.thaw();
    await eventually(() => createShell(connection).run(['true']));
  });

  it('reconnects at once after a reset', async () => {
    await using sshd = await startSshd();
    await using proxy = await startFaultProxy(sshd.port);
    let nowMs = 0;
    await using connection = connectTo(sshd, {
      port: proxy.port,
      hostKeyFingerprint: await sshd.fingerprint(),
      nowMs: () => nowMs,
    });
    const command = await connection.exec(['sleep', '60']);
    nowMs += 5_000;
    proxy.reset();
    await expectFailure(command.exit, 'CONNECTION_LOST');
    await createShell(connection).run(['true']);
  });
});

/** Repeats until it succeeds. */
async function eventually<T>(work: () => Promise<T>): Promise<T> {
  const deadlineMs = performance.now() + 120_000;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (performance.now() > deadlineMs) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

async function startAgent(socket: string) {
  await rm(socket, { force: true });
  const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: ['ignore', 'pipe', 'ignore'] });
  await once(agent.stdout, 'data');
  return {
    socket,
    [Symbol.asyncDispose]: async () => {
      agent.kill();
      await once(agent, 'exit');
    },
  };
}
