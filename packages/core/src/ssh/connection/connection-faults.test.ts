// Each way of not getting a connection, on real sockets: the right reason, in time, nothing repeated in a loop, and well again after the repair.

import { once } from 'node:events';
import { readFile, rm, writeFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setImmediate as immediately } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { expectFailure } from '../../testing/expect-failure.test-support.ts';
import { fakeTimeouts } from '../../testing/fake-timeouts.test-support.ts';
import { connectTo, type FakeSshd, startFakeSshd } from '../../testing/ssh2-server.test-support.ts';
import { findFreePort } from '../../testing/sshd.test-support.ts';
import { startFaultServer } from '../../testing/tcp-faults.test-support.ts';
import { until } from '../../testing/until.test-support.ts';
import type { SshReason } from '../to-app-error.ts';
import type { SshConnectionOptions } from './connection.ts';

interface BadServer {
  readonly name: string;
  readonly reason: SshReason;
  readonly behave: (socket: Socket) => void;
}

const badServers: readonly BadServer[] = [
  { name: 'is silent', reason: 'HANDSHAKE_TIMEOUT', behave: () => {} },
  {
    name: 'drips its greeting',
    reason: 'HANDSHAKE_TIMEOUT',
    behave: (socket) => {
      const timer = setInterval(() => socket.write('S'), 1);
      socket.on('close', () => clearInterval(timer));
    },
  },
  {
    name: 'greets and then is silent',
    reason: 'HANDSHAKE_TIMEOUT',
    behave: (socket) => void socket.write('SSH-2.0-OpenSSH_9.2\r\n'),
  },
  { name: 'hangs up at once', reason: 'HANDSHAKE_DROPPED', behave: (socket) => void socket.end() },
  {
    name: 'resets at once',
    reason: 'CONNECTION_RESET',
    behave: (socket) => void socket.resetAndDestroy(),
  },
  {
    name: 'resets after its greeting',
    reason: 'CONNECTION_RESET',
    behave: (socket) => {
      socket.write('SSH-2.0-OpenSSH_9.2\r\n');
      socket.once('data', () => socket.resetAndDestroy());
    },
  },
  {
    name: 'has too many logins under way',
    reason: 'TOO_MANY_CONNECTIONS',
    behave: (socket) => void socket.end('Exceeded MaxStartups\r\n'),
  },
  {
    name: 'penalises our address',
    reason: 'NOT_ALLOWED_NOW',
    behave: (socket) => void socket.end('Not allowed at this time\r\n'),
  },
  {
    name: 'speaks HTTP',
    reason: 'HANDSHAKE_FAILED',
    behave: (socket) => void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'),
  },
  {
    name: 'speaks SSH 1',
    reason: 'HANDSHAKE_FAILED',
    behave: (socket) => void socket.end('SSH-1.5-OpenSSH_3\r\n'),
  },
  {
    name: 'sends garbage after its greeting',
    reason: 'HANDSHAKE_FAILED',
    behave: (socket) => void socket.write(`SSH-2.0-OpenSSH_9.2\r\n${'\xff'.repeat(4_000)}`),
  },
];

describe('a server that', () => {
  it.each(badServers)('$name is $reason', async ({ reason, behave }) => {
    const clock = fakeTimeouts();
    await using good = await startFakeSshd();
    await using bad = await startFaultServer(behave);
    await using connection = connectTo(good, { port: bad.port, connectTimeoutMs: 10_000 });
    const failed = expectFailure(connection.openSocket('/s'), reason);
    await until(() => bad.connections === 1);
    // In steps, for what it sends meanwhile.
    if (reason === 'HANDSHAKE_TIMEOUT')
      for (let second = 0; second < 10; second += 1) await clock.pass(1_000);
    const error = await failed;
    expect(error.message).toMatch(/^VM not reachable via SSH: /);
    expect(error.details.retryAfterSeconds).toBe(1);
    expect(good.logins).toBe(0);
  });
});

describe('an address', () => {
  it('where nothing listens is CONNECTION_REFUSED', async () => {
    await using server = await startFakeSshd();
    await using connection = connectTo(server, { port: await findFreePort() });
    await expectFailure(connection.openSocket('/s'), 'CONNECTION_REFUSED');
  });

  it('that does not resolve is DNS_FAILED', async () => {
    await using server = await startFakeSshd();
    await using connection = connectTo(server, { resolveHost: async () => 'vm.invalid' });
    await expectFailure(connection.openSocket('/s'), 'DNS_FAILED');
  });

  it('that nobody knows is ADDRESS_UNKNOWN', async () => {
    await using server = await startFakeSshd();
    await using connection = connectTo(server, {
      resolveHost: () => Promise.reject(new Error('no address for ocid1.instance at 10.0.0.1')),
    });
    const error = await expectFailure(connection.openSocket('/s'), 'ADDRESS_UNKNOWN');
    expect(error.message).not.toContain('ocid1');
  });
});

describe('between attempts', () => {
  it('callers fail at once with the last reason, and nothing is dialed', async () => {
    let nowMs = 0;
    await using good = await startFakeSshd();
    await using bad = await startFaultServer((socket) => socket.end());
    await using connection = connectTo(good, {
      port: bad.port,
      nowMs: () => nowMs,
      random: () => 0,
    });
    await expectFailure(connection.openSocket('/s'), 'HANDSHAKE_DROPPED');
    for (let call = 0; call < 20; call += 1) {
      const error = await expectFailure(connection.exec(['ls']), 'HANDSHAKE_DROPPED');
      expect(error.details.retryAfterSeconds).toBe(1);
    }
    expect(bad.connections).toBe(1);
    nowMs += 500;
    await expectFailure(connection.openSocket('/s'), 'HANDSHAKE_DROPPED');
    expect(bad.connections).toBe(2);
  });

  it('drop() lets the next call dial at once', async () => {
    await using good = await startFakeSshd();
    await using bad = await startFaultServer((socket) => socket.end());
    await using connection = connectTo(good, { port: bad.port });
    await expectFailure(connection.openSocket('/s'), 'HANDSHAKE_DROPPED');
    connection.drop('the VM was started');
    await expectFailure(connection.openSocket('/s'), 'HANDSHAKE_DROPPED');
    expect(bad.connections).toBe(2);
  });

  it('five minutes of calls to an unavailable VM make at most 45 attempts', async () => {
    let nowMs = 0;
    await using good = await startFakeSshd();
    await using bad = await startFaultServer((socket) => socket.resetAndDestroy());
    await using connection = connectTo(good, { port: bad.port, nowMs: () => nowMs });
    for (; nowMs < 300_000; nowMs += 100) {
      await connection.openSocket('/s').then(
        () => expect.unreachable(),
        () => {},
      );
    }
    expect(bad.connections).toBeLessThanOrEqual(45);
    expect(bad.connections).toBeGreaterThan(30);
  });

  it('a call succeeds again within ten seconds of the repair', async () => {
    let nowMs = 0;
    let broken = true;
    await using server = await startFakeSshd();
    await using connection = connectTo(server, {
      nowMs: () => nowMs,
      random: () => 0,
      resolveHost: async () => (broken ? '127.0.0.2' : '127.0.0.1'),
    });
    for (; nowMs < 60_000; nowMs += 250) await connection.openSocket('/s').catch(() => {});
    broken = false;
    const repairedAtMs = nowMs;
    while (!connection.connected) {
      await connection.openSocket('/s').catch(() => {});
      nowMs += 250;
    }
    expect(nowMs - repairedAtMs).toBeLessThanOrEqual(10_000);
  });
});

describe('a slow server', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it('is waited for as long as the time to connect allows, and not a second less', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    await using good = await startFakeSshd();
    await using silent = await startFaultServer(() => {});
    await using connection = connectTo(good, { port: silent.port, connectTimeoutMs: 60_000 });
    const outcomes: unknown[] = [];
    const calls = [connection.openSocket('/s'), connection.exec(['ls'])].map((call) =>
      call.catch((error: unknown) => outcomes.push(error)),
    );
    while (silent.connections === 0) await immediately();
    vi.advanceTimersByTime(59_000);
    for (let turn = 0; turn < 20; turn += 1) await immediately();
    expect(outcomes).toEqual([]);
    vi.advanceTimersByTime(1_000);
    await Promise.all(calls);
    expect(outcomes).toMatchObject([
      { details: { reason: 'HANDSHAKE_TIMEOUT' } },
      { details: { reason: 'HANDSHAKE_TIMEOUT' } },
    ]);
    expect(silent.connections).toBe(1);
  });
});

describe('a bad line', () => {
  it('may bring the greeting byte by byte', async () => {
    await using server = await startFakeSshd();
    await using line = await startFaultServer((near) => {
      const far = connect({ host: '127.0.0.1', port: server.port });
      far.on('error', () => {});
      near.on('close', () => far.destroy());
      near.setNoDelay(true).pipe(far);
      far.once('data', async (greeting: Buffer) => {
        far.pause();
        for (const byte of greeting) {
          near.write(Buffer.of(byte));
          await immediately();
        }
        far.pipe(near);
      });
    });
    await using connection = connectTo(server, {
      port: line.port,
      hostKeyFingerprint: server.fingerprint,
    });
    (await connection.openSocket('/s')).destroy();
    expect(server.connections).toBe(1);
  });
});

describe('a host key', () => {
  const refused = async (
    server: FakeSshd,
    options: Partial<SshConnectionOptions>,
    reason: SshReason,
  ) => {
    await using connection = connectTo(server, options);
    const error = await expectFailure(connection.openSocket('/s'), reason);
    expect(error.details.fingerprint).toBe(server.fingerprint);
    expect(error.message).toContain(server.fingerprint);
    expect(error.message).toContain(`ssh-keyscan -p ${server.port} 127.0.0.1`);
    // Not one byte of authentication.
    expect(server.logins).toBe(0);
  };
  const otherKey =
    'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJX+l2bYZbHuBzBtY1xEiYvPSy7a7tVhzCkZBLKBNwqg';

  it('that nobody knows is refused', async () => {
    await using server = await startFakeSshd();
    await writeFile(server.knownHostsFile, `otherhost ${otherKey}\n`);
    await refused(server, {}, 'HOST_KEY_UNKNOWN');
  });

  it('that has changed is refused, and accepted once the file is corrected', async () => {
    await using server = await startFakeSshd();
    const good = await readFile(server.knownHostsFile, 'utf8');
    await writeFile(server.knownHostsFile, `[127.0.0.1]:${server.port} ${otherKey}\n`);
    await refused(server, {}, 'HOST_KEY_CHANGED');
    let nowMs = 0;
    await using connection = connectTo(server, { nowMs: () => nowMs });
    await expectFailure(connection.openSocket('/s'), 'HOST_KEY_CHANGED');
    await writeFile(server.knownHostsFile, good);
    nowMs += 8_000;
    await connection.openSocket('/s');
  });

  it('that is revoked is refused, though another line knows it', async () => {
    await using server = await startFakeSshd();
    const good = await readFile(server.knownHostsFile, 'utf8');
    await writeFile(server.knownHostsFile, `${good}@revoked ${good.replace(/^\S+/, '*')}`);
    await refused(server, {}, 'HOST_KEY_REVOKED');
  });

  it('is refused when the known hosts cannot be read', async () => {
    await using server = await startFakeSshd();
    await rm(server.knownHostsFile);
    await refused(server, {}, 'KNOWN_HOSTS_UNREADABLE');
    await refused(server, { knownHostsFile: server.folder }, 'KNOWN_HOSTS_UNREADABLE');
    await refused(server, { knownHostsFile: undefined }, 'KNOWN_HOSTS_UNREADABLE');
  });

  it('that is not the pinned one is refused, though the file knows it', async () => {
    await using server = await startFakeSshd();
    const hostKeyFingerprint = `SHA256:${'A'.repeat(43)}`;
    await refused(server, { hostKeyFingerprint }, 'HOST_KEY_MISMATCH');
    await refused(server, { hostKeyFingerprint: 'MD5:aa:bb' }, 'HOST_KEY_MISMATCH');
    await refused(server, { hostKeyFingerprint: '' }, 'HOST_KEY_MISMATCH');
  });

  it('that is pinned is accepted, though the file is missing', async () => {
    await using server = await startFakeSshd();
    await rm(server.knownHostsFile);
    for (const hostKeyFingerprint of [server.fingerprint, `${server.fingerprint}=`]) {
      await using connection = connectTo(server, { hostKeyFingerprint });
      await connection.openSocket('/s');
    }
  });
});

describe('our credentials', () => {
  const refused = async (options: Partial<SshConnectionOptions>, reason: SshReason) => {
    await using server = await startFakeSshd();
    await using connection = connectTo(server, { privateKeyFile: undefined, ...options });
    await expectFailure(connection.openSocket('/s'), reason);
    expect(server.connections).toBe(0);
  };

  it('that are missing or unusable are told without a word to the network', async () => {
    await using server = await startFakeSshd();
    const bad = join(server.folder, 'bad_key');
    await writeFile(bad, 'no key at all');
    await refused({}, 'NO_CREDENTIALS');
    await refused({ privateKeyFile: join(server.folder, 'missing') }, 'KEY_UNREADABLE');
    await refused({ privateKeyFile: bad }, 'KEY_INVALID');
    await refused({ agentSocket: join(server.folder, 'missing') }, 'AGENT_UNAVAILABLE');
  });

  it('that an agent never hands over do not hold the attempt for ever', async () => {
    await using server = await startFakeSshd();
    const agentSocket = join(server.folder, 'agent');
    const sockets = new Set<Socket>();
    const agent = createServer((socket) => {
      sockets.add(socket);
      socket.resume();
      socket.on('error', () => {});
      socket.on('close', () => sockets.delete(socket));
    }).listen(agentSocket);
    await once(agent, 'listening');
    const clock = fakeTimeouts();
    const refusing = refused({ agentSocket }, 'AGENT_UNAVAILABLE');
    await until(() => sockets.size === 1);
    await clock.pass(2_000);
    await refusing;
    await until(() => sockets.size === 0);
    agent.close();
  });

  it('that the server refuses are not tried again for thirty seconds', async () => {
    let nowMs = 0;
    await using server = await startFakeSshd({ onLogin: (context) => context.reject() });
    await using connection = connectTo(server, { nowMs: () => nowMs, random: () => 0 });
    const error = await expectFailure(connection.openSocket('/s'), 'AUTH_REJECTED');
    expect(error.details.retryAfterSeconds).toBe(30);
    nowMs += 29_900;
    await expectFailure(connection.openSocket('/s'), 'AUTH_REJECTED');
    expect(server.connections).toBe(1);
    nowMs += 100;
    await expectFailure(connection.openSocket('/s'), 'AUTH_REJECTED');
    expect(server.connections).toBe(2);
  });

  it('are not blamed while the VM is still booting', async () => {
    await using server = await startFakeSshd({
      greeting: 'System is booting up. Unprivileged users are not permitted to log in yet.',
      onLogin: (context) => context.reject(),
    });
    await using connection = connectTo(server);
    const error = await expectFailure(connection.openSocket('/s'), 'STARTING_UP');
    expect(error.details.retryAfterSeconds).toBe(1);
  });

  it('that sshd never judges are AUTH_TIMEOUT', async () => {
    await using server = await startFakeSshd({ onLogin: () => {} });
    await using connection = connectTo(server, { connectTimeoutMs: 10_000 });
    const clock = fakeTimeouts();
    const failed = expectFailure(connection.openSocket('/s'), 'AUTH_TIMEOUT');
    await until(() => server.logins > 0);
    await clock.pass(10_000);
    await failed;
  });
});
