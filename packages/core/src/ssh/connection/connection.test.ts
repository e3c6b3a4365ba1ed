// The connection's life against a server of the test's own: who shares what, who fails when, and what is left behind.

import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { AppError } from '../../app-error.ts';
import { closed, expectFailure } from '../../testing/expect-failure.test-support.ts';
import { connectTo, startFakeSshd } from '../../testing/ssh2-server.test-support.ts';
import { startFaultProxy } from '../../testing/tcp-faults.test-support.ts';
import { until } from '../../testing/until.test-support.ts';
import { toFingerprint } from '../login/host-key.ts';
import type { SshEvent } from './connection.ts';

async function echo(stream: Duplex, text: string): Promise<string> {
  stream.write(text);
  const [chunk] = await once(stream, 'data');
  return String(chunk);
}

describe('createSshConnection()', () => {
  it('dials nothing before the first call', async () => {
    await using server = await startFakeSshd();
    await using connection = connectTo(server);
    expect(connection.connected).toBe(false);
    expect(connection.generation).toBe(0);
    expect(server.connections).toBe(0);
  });

  it('tells where it leads and which host key was accepted, and connects for that', async () => {
    await using server = await startFakeSshd();
    await using connection = connectTo(server);
    const address = await connection.address();
    expect(address).toMatchObject({
      host: '127.0.0.1',
      port: server.port,
      hostKeys: [expect.any(String)],
    });
    const [, key = ''] = address.hostKeys[0]?.split(' ') ?? [];
    expect(address.hostKeys[0]).toMatch(/^[a-z0-9-]+ AAAA/);
    expect(toFingerprint(Buffer.from(key, 'base64'))).toBe(server.fingerprint);
    expect(server.connections).toBe(1);
  });

  it('gives a hundred callers at once one connection', async () => {
    await using server = await startFakeSshd();
    await using connection = connectTo(server);
    const streams = await Promise.all(
      Array.from({ length: 100 }, () => connection.openSocket('/s')),
    );
    expect(server.connections).toBe(1);
    expect(server.logins).toBe(2);
    expect(connection.channels.sockets).toBe(100);
    expect(await echo(streams[99] ?? raise(), 'hello')).toBe('hello');
  });

  it('runs one command beside the first socket, as sshd is slow to answer until one ran', async () => {
    const commands: string[] = [];
    await using server = await startFakeSshd({
      onExec: (channel, command) => {
        commands.push(command);
        channel.exit(0);
        channel.end();
      },
    });
    await using connection = connectTo(server);
    for (let index = 0; index < 5; index += 1) await connection.openSocket('/s');
    await expect.poll(() => connection.channels.commands).toBe(0);
    expect(commands).toEqual([expect.stringContaining('true')]);
  });

  it('fails open streams when the connection is lost, and never ends them cleanly', async () => {
    await using server = await startFakeSshd();
    await using connection = connectTo(server);
    const streams = await Promise.all([connection.openSocket('/a'), connection.openSocket('/b')]);
    const ends: string[] = [];
    for (const stream of streams) stream.on('end', () => ends.push('end')).resume();
    const failures = streams.map((stream) => closed(stream));
    server.hangUp();
    for (const failure of await Promise.all(failures)) {
      expect(failure).toMatchObject({ details: { reason: 'CONNECTION_LOST' } });
    }
    expect(ends).toEqual([]);
    expect(connection.connected).toBe(false);
  });

  it('fails a body that is cut by a reset, so that it does not look complete', async () => {
    await using server = await startFakeSshd({
      onSocket: (channel) => void channel.write('half a bo'),
    });
    await using proxy = await startFaultProxy(server.port);
    await using connection = connectTo(server, {
      port: proxy.port,
      hostKeyFingerprint: server.fingerprint,
    });
    const stream = await connection.openSocket('/s');
    await once(stream, 'readable');
    const body = stream.toArray();
    proxy.reset();
    await expectFailure(body, 'CONNECTION_LOST');
  });

  it('connects again after a loss, with a new generation and told events', async () => {
    const events: SshEvent[] = [];
    let nowMs = 0;
    await using server = await startFakeSshd();
    await using connection = connectTo(server, {
      nowMs: () => nowMs,
      onEvent: (event) => events.push(event),
    });
    await connection.openSocket('/s');
    expect([connection.generation, connection.connected]).toEqual([1, true]);
    nowMs += 60_000;
    server.hangUp();
    await until(() => !connection.connected);
    await connection.openSocket('/s');
    expect([connection.generation, connection.connected]).toEqual([2, true]);
    expect(events.map(({ type }) => type)).toEqual(['connected', 'lost', 'connected']);
  });

  it('treats a server that closes right after the login as unavailable', async () => {
    const events: string[] = [];
    await using server = await startFakeSshd({
      onLogin: (context) => {
        context.accept();
        if (context.method === 'publickey' && context.signature) server.hangUp();
      },
    });
    await using connection = connectTo(server, { onEvent: ({ type }) => events.push(type) });
    const lost = await expectFailure(connection.openSocket('/s'), 'CONNECTION_LOST');
    expect(lost.message).toMatch(/can be repeated/); // nothing was sent
    const error = await expectFailure(connection.openSocket('/s'), 'CONNECTION_UNSTABLE');
    expect(error.details.retryAfterSeconds).toBe(1);
    expect(connection.connected).toBe(false);
    expect(server.connections).toBe(1);
    expect(events).toEqual(['connected', 'lost']);
  });

  it('finds a peer that has fallen silent within four keepalives', async () => {
    fakeIntervals();
    await using server = await startFakeSshd();
    await using proxy = await startFaultProxy(server.port);
    await using connection = connectTo(server, {
      port: proxy.port,
      hostKeyFingerprint: server.fingerprint,
      keepaliveMs: 300,
    });
    const stream = await connection.openSocket('/s');
    await vi.advanceTimersByTimeAsync(500);
    expect(connection.connected).toBe(true);
    proxy.freeze();
    const notSent = expectFailure(connection.openSocket('/late'), 'PEER_SILENT');
    await vi.advanceTimersByTimeAsync(4 * 300);
    expect(connection.connected).toBe(false);
    expect((await notSent).message).toMatch(/stopped answering.*can be repeated/);
    expect(await closed(stream)).toMatchObject({ details: { reason: 'PEER_SILENT' } });
  });

  it('keeps a connection that is silent but alive', async () => {
    fakeIntervals();
    await using server = await startFakeSshd();
    await using connection = connectTo(server, { keepaliveMs: 50 });
    const stream = await connection.openSocket('/s');
    for (let keepalive = 0; keepalive < 12; keepalive += 1) {
      const received = connection.receivedBytes;
      await vi.advanceTimersByTimeAsync(50);
      await until(() => connection.receivedBytes > received);
    }
    expect(await echo(stream, 'still here')).toBe('still here');
    expect(server.connections).toBe(1);
  });

  it('drop() fails open streams and calls at once, and the next call connects again', async () => {
    await using server = await startFakeSshd();
    await using connection = connectTo(server);
    const stream = await connection.openSocket('/s');
    const pending = connection.openSocket('/other');
    connection.drop('the VM is being stopped');
    expect(connection.connected).toBe(false);
    expect(stream.destroyed).toBe(true);
    const error = await expectFailure(pending, 'CONNECTION_DROPPED');
    expect(error.message).toContain('the VM is being stopped');
    await connection.openSocket('/s');
    expect(connection.generation).toBe(2);
  });

  it('drop() fails callers who wait for an attempt, and asks for the address again', async () => {
    const hosts: string[] = [];
    let release = () => {};
    await using server = await startFakeSshd();
    await using connection = connectTo(server, {
      resolveHost: async () => {
        hosts.push('asked');
        if (hosts.length === 1) await new Promise<void>((resolve) => (release = resolve));
        return '127.0.0.1';
      },
    });
    const waiting = connection.openSocket('/s');
    await until(() => hosts.length === 1);
    connection.drop('the VM is being stopped');
    await expectFailure(waiting, 'CONNECTION_DROPPED');
    await connection.openSocket('/s');
    expect(hosts.length).toBe(2);
    release();
    await new Promise((resolve) => setImmediate(resolve));
    expect(server.connections).toBe(1);
  });

  it('lets a caller leave with its own reason, and the others go on', async () => {
    let release = () => {};
    await using server = await startFakeSshd();
    await using connection = connectTo(server, {
      resolveHost: async () => {
        await new Promise<void>((resolve) => (release = resolve));
        return '127.0.0.1';
      },
    });
    const leaver = new AbortController();
    const left = connection.openSocket('/s', { signal: leaver.signal });
    const stays = connection.openSocket('/s');
    const reason = new Error('left');
    leaver.abort(reason);
    await expect(left).rejects.toBe(reason);
    release();
    expect(await echo(await stays, 'x')).toBe('x');
    expect(server.connections).toBe(1);
  });

  it("passes a resolver's own error on as it is, with the time to wait", async () => {
    await using server = await startFakeSshd();
    await using connection = connectTo(server, {
      resolveHost: async () => {
        throw new AppError('SERVICE_UNAVAILABLE', 'oci-flex is STOPPED', {
          details: { lifecycleState: 'STOPPED' },
        });
      },
    });
    await expect(connection.openSocket('/s')).rejects.toMatchObject({
      message: 'oci-flex is STOPPED',
      details: { lifecycleState: 'STOPPED', retryAfterSeconds: 1 },
    });
  });

  it('gives up a resolver that never answers', async () => {
    await using server = await startFakeSshd();
    await using connection = connectTo(server, {
      connectTimeoutMs: 100,
      resolveHost: () => new Promise(() => {}),
    });
    await expectFailure(connection.openSocket('/s'), 'ADDRESS_UNKNOWN');
  });

  it('refuses an argument with a NUL byte before it connects', async () => {
    await using server = await startFakeSshd();
    await using connection = connectTo(server);
    await expect(connection.exec(['echo', 'a\0b'])).rejects.toMatchObject({ code: 'BAD_REQUEST' });
    await expect(connection.openCommand([])).rejects.toMatchObject({ code: 'BAD_REQUEST' });
    expect(server.connections).toBe(0);
  });

  it('is closed for good once disposed, and leaves no socket open', async () => {
    await using server = await startFakeSshd();
    const connection = connectTo(server);
    const stream = await connection.openSocket('/s');
    await connection[Symbol.asyncDispose]();
    expect(stream.errored).toMatchObject({ details: { reason: 'CONNECTION_CLOSED' } });
    await expectFailure(connection.openSocket('/s'), 'CONNECTION_CLOSED');
    await connection[Symbol.asyncDispose]();
  });
});

/** Keepalives go by the clock that is advanced. */
function fakeIntervals() {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
}

function raise(): never {
  throw new Error('Not there');
}
