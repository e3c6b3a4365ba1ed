// The network between the API and sshd, with a hand on it: what no well-behaved machine can be brought to do.

import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { findFreePort } from '@ondemand/sandbox';
import { until } from '../support/until.ts';

export interface TcpProxy extends AsyncDisposable {
  readonly port: number;
  /** Connections that were accepted so far, in whatever mode. */
  readonly accepted: number;
  /** Bytes that the server has sent so far. */
  readonly received: number;
  /** As at the start: passes everything on, on old and new connections; listens again after `refuse`, on `host` from then on. */
  pass(options?: { readonly host?: string }): Promise<void>;
  /** Resets every connection and listens no more. */
  refuse(): Promise<void>;
  /** Closes new connections at once, without a byte. */
  drop(): void;
  /** Accepts new connections and says nothing on them. */
  silence(): void;
  /** Holds back what the server says on new connections, its greeting first. */
  delayGreeting(delayMs: number): void;
  /** Nothing passes any more, on old and new connections, and nobody hears of it. */
  blackhole(): void;
  /** Resets every open connection. */
  reset(): void;
  /** Resets every open connection, once, when the server has sent this much more. */
  resetAfter(bytes: number): void;
  /** What passes from now on comes as on a bad line, on old and new connections, until `pass`. */
  spoil(line: BadLine): void;
}

export interface BadLine {
  /** Each piece comes so late, and up to `jitterMs` later. */
  readonly delayMs?: number;
  readonly jitterMs?: number;
  /** Pieces are at most so long. */
  readonly sliceBytes?: number;
  readonly bytesPerSecond?: number;
}

type Mode = 'pass' | 'drop' | 'silence' | 'blackhole';

/** Passes connections on to a port of 127.0.0.1 until told otherwise. */
export async function startTcpProxy(targetPort: number): Promise<TcpProxy> {
  const pairs = new Set<readonly [near: Socket, far: Socket]>();
  let mode: Mode = 'pass';
  let greetingDelayMs = 0;
  let bytesLeft = Number.POSITIVE_INFINITY;
  let badLine: BadLine | undefined;
  let accepted = 0;
  let received = 0;
  let server: Server | undefined;
  let address = { host: '127.0.0.1', port: await findFreePort() };

  const reset = (): void => {
    bytesLeft = Number.POSITIVE_INFINITY;
    for (const [near] of pairs) near.resetAndDestroy();
  };
  const accept = (near: Socket): void => {
    accepted += 1;
    near.on('error', () => {});
    // What the client sent is read: a close with bytes unread would be a reset.
    if (mode === 'drop') return void near.resume().end();
    const far = connect({ host: '127.0.0.1', port: targetPort, noDelay: true });
    const pair = [near, far] as const;
    pairs.add(pair);
    // What one side sends too fast for the other waits here: the tests send little.
    let toFar = Promise.resolve();
    let toNear = Promise.resolve();
    near.on('data', (chunk) => {
      toFar = toFar.then(() => send(far, chunk, badLine));
    });
    far.on('data', (chunk) => {
      received += chunk.length;
      bytesLeft -= chunk.length;
      if (bytesLeft <= 0) return reset();
      toNear = toNear.then(() => send(near, chunk, badLine));
    });
    far.on('error', () => {});
    near.on('close', () => {
      pairs.delete(pair);
      far.destroy();
    });
    // A machine that is cut off does not say so.
    far.on('close', () => mode !== 'blackhole' && toNear.then(() => near.end()));
    if (mode === 'blackhole') near.pause();
    if (mode !== 'pass') far.pause();
    else if (greetingDelayMs > 0) {
      far.pause();
      const timer = setTimeout(() => far.resume(), greetingDelayMs);
      near.on('close', () => clearTimeout(timer));
    }
  };
  const listen = async (): Promise<void> => {
    if (server !== undefined) return;
    server = await until('the proxy to listen', () => listenOnce(accept, address));
  };
  const unlisten = async (): Promise<void> => {
    const closing = server;
    server = undefined;
    reset();
    await new Promise<void>((resolve) => (closing ? closing.close(() => resolve()) : resolve()));
  };
  await listen();

  return {
    port: address.port,
    get accepted() {
      return accepted;
    },
    get received() {
      return received;
    },
    async pass({ host = address.host } = {}) {
      mode = 'pass';
      greetingDelayMs = 0;
      bytesLeft = Number.POSITIVE_INFINITY;
      badLine = undefined;
      address = { ...address, host };
      for (const socket of [...pairs].flat()) socket.resume();
      await listen();
    },
    refuse: unlisten,
    drop() {
      mode = 'drop';
    },
    silence() {
      mode = 'silence';
    },
    delayGreeting(delayMs) {
      greetingDelayMs = delayMs;
    },
    blackhole() {
      mode = 'blackhole';
      for (const socket of [...pairs].flat()) socket.pause();
    },
    reset,
    resetAfter(bytes) {
      bytesLeft = bytes;
    },
    spoil(line) {
      badLine = line;
    },
    [Symbol.asyncDispose]: unlisten,
  };
}

async function send(socket: Socket, chunk: Buffer, line: BadLine | undefined): Promise<void> {
  if (line === undefined) return void socket.write(chunk);
  const { delayMs = 0, jitterMs = 0, sliceBytes = chunk.length, bytesPerSecond } = line;
  for (let at = 0; at < chunk.length && !socket.destroyed; at += sliceBytes) {
    const piece = chunk.subarray(at, at + sliceBytes);
    const onTheLineMs = bytesPerSecond === undefined ? 0 : (piece.length / bytesPerSecond) * 1000;
    const waitMs = delayMs + Math.random() * jitterMs + onTheLineMs;
    await (waitMs > 0 ? sleep(waitMs) : turn());
    socket.write(piece);
  }
}

interface Address {
  readonly host: string;
  readonly port: number;
}

function listenOnce(accept: (socket: Socket) => void, address: Address): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer({ noDelay: true }, accept);
    server.once('error', reject);
    server.listen(address, () => resolve(server));
  });
}
