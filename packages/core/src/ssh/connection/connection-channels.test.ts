// The channels of a connection against a server of the test's own: what they carry, how they end, and how many there are.

import { once } from 'node:events';
import http from 'node:http';
import type { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { closed, expectFailure } from '../../testing/expect-failure.test-support.ts';
import { fakeTimeouts } from '../../testing/fake-timeouts.test-support.ts';
import { connectTo, startFakeSshd } from '../../testing/ssh2-server.test-support.ts';
import { until } from '../../testing/until.test-support.ts';

describe('the channels of a connection', () => {
  it('carries HTTP over sockets that an agent keeps alive', async () => {
    const web = http.createServer((request, response) => response.end(`saw ${request.url}`));
    await using server = await startFakeSshd({
      onSocket: (channel) => web.emit('connection', socketLike(channel)),
    });
    await using connection = connectTo(server);
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    Object.assign(agent, {
      createConnection: (
        _options: unknown,
        callback: (error: unknown, stream?: Duplex) => void,
      ) => {
        connection.openSocket('/s').then((stream) => callback(null, stream), callback);
      },
    });
    for (const path of ['/1', '/2', '/3']) {
      const request = http.get({ agent, path, timeout: 1_000 });
      const [response] = await once(request, 'response');
      expect((await response.toArray()).join('')).toBe(`saw ${path}`);
    }
    expect(connection.channels.sockets).toBe(1);
    agent.destroy();
    await until(() => connection.channels.sockets === 0 && server.openChannels === 0);
  });

  it('closes a channel on both sides when the other side ends', async () => {
    await using server = await startFakeSshd({ onSocket: (channel) => channel.end('bye') });
    await using connection = connectTo(server);
    const stream = await connection.openSocket('/s');
    expect((await stream.toArray()).join('')).toBe('bye');
    await until(() => connection.channels.sockets === 0 && server.openChannels === 0);
  });

  it('closes a channel that ended while nobody read it, as in a pool', async () => {
    await using server = await startFakeSshd({ onSocket: (channel) => channel.end() });
    await using connection = connectTo(server);
    const stream = await connection.openSocket('/s');
    expect(await closed(stream)).toBe(null);
    await until(() => connection.channels.sockets === 0 && server.openChannels === 0);
  });

  it('closes a channel on both sides when we destroy it, data under way or not', async () => {
    await using server = await startFakeSshd({
      onSocket: (channel) => void channel.write(Buffer.alloc(4_000_000)),
    });
    await using connection = connectTo(server);
    const stream = await connection.openSocket('/s');
    await once(stream, 'readable');
    stream.destroy();
    await until(() => connection.channels.sockets === 0 && server.openChannels === 0);
  });

  it('passes megabytes on unchanged to a reader that is slow', async () => {
    const sent = Buffer.alloc(6_000_000, 'abcdefg');
    await using server = await startFakeSshd({ onSocket: (channel) => channel.end(sent) });
    await using connection = connectTo(server);
    const stream = await connection.openSocket('/s');
    const parts: Buffer[] = [];
    for await (const part of stream) {
      parts.push(part);
      if (parts.length % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    expect(Buffer.concat(parts).equals(sent)).toBe(true);
  });

  it('gives up a channel that the server does not open in time', async () => {
    await using server = await startFakeSshd({ answersChannels: false });
    await using connection = connectTo(server, { channelTimeoutMs: 100 });
    await expectFailure(connection.openSocket('/s'), 'CHANNEL_TIMEOUT');
    expect(connection.connected).toBe(true);
  });

  it('runs six commands at once and lets others wait, but not beyond the deadline', async () => {
    let running = 0;
    let peak = 0;
    const ends: (() => void)[] = [];
    await using server = await startFakeSshd({
      onExec: (channel) => {
        running += 1;
        peak = Math.max(peak, running);
        ends.push(() => {
          running -= 1;
          channel.exit(0);
          channel.end();
        });
      },
    });
    await using connection = connectTo(server, { channelTimeoutMs: 2_000 });
    const clock = fakeTimeouts();
    const started = Array.from({ length: 8 }, () => connection.exec(['sleep']));
    const exits = started.map(async (start) => (await start).exit);
    await until(() => ends.length === 6);
    ends.shift()?.();
    ends.shift()?.();
    await until(() => ends.length === 6);
    const refused = expectFailure(connection.exec(['sleep']), 'COMMANDS_BUSY');
    await clock.pass(2_000);
    await refused;
    for (const end of ends) end();
    expect(await Promise.all(exits)).toEqual(Array(8).fill(0));
    expect(peak).toBe(6);
    await until(() => connection.channels.commands === 0);
  });

  it('bounds the sockets that are open at once', async () => {
    await using server = await startFakeSshd();
    await using connection = connectTo(server, { maxSockets: 2, channelTimeoutMs: 1_000 });
    const clock = fakeTimeouts();
    const first = await connection.openSocket('/s');
    await connection.openSocket('/s');
    const refused = expectFailure(connection.openSocket('/s'), 'CHANNELS_BUSY');
    await clock.pass(1_000);
    await refused;
    first.destroy();
    await connection.openSocket('/s');
  });

  it('closes a channel that opens after its caller has left', async () => {
    let accept = () => {};
    const beforeAccept = new Promise<void>((resolve) => {
      accept = resolve;
    });
    const accepted: unknown[] = [];
    await using server = await startFakeSshd({
      beforeAccept,
      onSocket: (channel) => accepted.push(channel),
    });
    await using connection = connectTo(server);
    const leaver = new AbortController();
    const left = connection.openSocket('/s', { signal: leaver.signal });
    await until(() => connection.connected && connection.channels.sockets === 1);
    leaver.abort(new Error('left'));
    await expect(left).rejects.toThrow('left');
    expect(connection.channels.sockets).toBe(1);
    accept();
    await until(() => accepted.length === 1);
    await until(() => connection.channels.sockets === 0 && server.openChannels === 0);
  });

  it('ends a command that begins after its caller has left', async () => {
    let accept = () => {};
    const beforeAccept = new Promise<void>((resolve) => {
      accept = resolve;
    });
    const lines: string[] = [];
    const clock = fakeTimeouts();
    await using server = await startFakeSshd({
      beforeAccept,
      onExec: (_channel, line) => void lines.push(line),
    });
    await using connection = connectTo(server);
    const leaver = new AbortController();
    const left = connection.exec(['sleep', '60'], { signal: leaver.signal });
    await until(() => connection.connected && connection.channels.commands === 1);
    leaver.abort(new Error('left'));
    await expect(left).rejects.toThrow('left');
    accept();
    await until(() => lines.some((line) => line.includes('kill -s TERM -- -4711')));
    await clock.pass(1_000);
    await until(() => connection.channels.commands === 0);
    expect(connection.generation).toBe(1);
  });
});

/** http.Server wants a socket's methods on what it serves. */
function socketLike(channel: Duplex): Duplex {
  const same = () => channel;
  return Object.assign(channel, {
    setTimeout: same,
    setNoDelay: same,
    setKeepAlive: same,
    ref: same,
    unref: same,
  });
}
