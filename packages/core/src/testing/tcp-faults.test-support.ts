// Networks and servers that misbehave, on loopback: for the failures that no well-behaved sshd can be brought to show.

import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

export interface FaultServer extends AsyncDisposable {
  readonly port: number;
  /** How many connections have come so far. */
  readonly connections: number;
}

/** Listens on loopback and hands each connection to `onConnection`. */
export async function startFaultServer(
  onConnection: (socket: Socket, index: number) => void,
): Promise<FaultServer> {
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    onConnection(socket, connections++);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('No port given');
  return {
    port: address.port,
    get connections() {
      return connections;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

export interface FaultProxy extends FaultServer {
  /** From now on nothing is passed on, in either direction; connections are still accepted, as by a machine that hangs. */
  freeze(): void;
  thaw(): void;
  /** Resets every open connection. */
  reset(): void;
}

/** Passes bytes on to a port of loopback until told otherwise. */
export async function startFaultProxy(targetPort: number): Promise<FaultProxy> {
  const pairs = new Set<readonly [Socket, Socket]>();
  let frozen = false;
  const server = await startFaultServer((near) => {
    const far = connect({ port: targetPort, host: '127.0.0.1', noDelay: true });
    const pair = [near, far] as const;
    pairs.add(pair);
    near.setNoDelay(true);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.on('data', (chunk) => {
        to.write(chunk);
      });
      from.on('error', () => to.destroy());
      from.on('close', () => {
        pairs.delete(pair);
        to.destroy();
      });
      if (frozen) from.pause();
    }
  });
  return {
    port: server.port,
    get connections() {
      return server.connections;
    },
    freeze() {
      frozen = true;
      for (const socket of [...pairs].flat()) socket.pause();
    },
    thaw() {
      frozen = false;
      for (const socket of [...pairs].flat()) socket.resume();
    },
    reset() {
      for (const [near] of pairs) near.resetAndDestroy();
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of [...pairs].flat()) socket.destroy();
      await server[Symbol.asyncDispose]();
    },
  };
}
