// Stand between the API and sshd, and between sshd and dockerd, to count what really comes through.

import { chmod } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import { connect, createServer as createTcpServer, type Server, type Socket } from 'node:net';

export interface ConnectionProxy extends AsyncDisposable {
  readonly port: number;
  /** Connections that were accepted so far. */
  readonly count: number;
}

/** Passes every connection on to a port of this host. */
export async function startConnectionProxy(targetPort: number): Promise<ConnectionProxy> {
  const sockets = new Set<Socket>();
  let count = 0;
  const server = createTcpServer({ noDelay: true }, (near) => {
    count += 1;
    const far = connect({ host: '127.0.0.1', port: targetPort, noDelay: true });
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
  });
  await listen(server, { host: '127.0.0.1', port: 0 });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port was given');
  return {
    port: address.port,
    get count() {
      return count;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export interface EngineProxy extends AsyncDisposable {
  readonly socketPath: string;
  /** Method and path of every request so far. */
  readonly requests: readonly string[];
  /** Those that are not answered in full, nor given up. */
  readonly open: readonly string[];
}

/** Passes every request on to the engine at `targetPath`; anyone may connect to `socketPath`. */
export async function startEngineProxy(
  socketPath: string,
  targetPath: string,
): Promise<EngineProxy> {
  const requests: string[] = [];
  const open = new Set<{ readonly line: string }>();
  const server = createServer((incoming, outgoing) => {
    const { method = '', url: path = '', headers } = incoming;
    const entry = { line: `${method} ${path}` };
    requests.push(entry.line);
    open.add(entry);
    outgoing.on('close', () => {
      open.delete(entry);
      passed.destroy();
    });
    const passed = request({ socketPath: targetPath, method, path, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      outgoing.flushHeaders(); // an answer without a body yet is an answer all the same
      answer.pipe(outgoing);
    });
    passed.on('error', () => outgoing.destroy());
    incoming.pipe(passed);
  });
  await listen(server, { path: socketPath });
  await chmod(socketPath, 0o666);
  return {
    socketPath,
    requests,
    get open() {
      return [...open].map(({ line }) => line);
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function listen(server: Server, where: Parameters<Server['listen']>[0] & object): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(where, resolve);
  });
}
