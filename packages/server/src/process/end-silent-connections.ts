// Stops listening at shutdown without losing a request: those that callers have sent by then are answered, and connections that carry none are closed.

import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { type Socket, Server as TcpServer } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';

interface Connection {
  readonly acceptedAtMs: number;
  underWay: number;
  requests: number;
  /** What had been read when the last request ended: more than that is the beginning of another. */
  bytesRead: number;
}

/**
 * Node's own `close()` destroys idle connections before it reads what has just come on them, and waits for those that never sent a byte, and for headers that have begun.
 * A proxy that opened a connection sends its request on it at once, so a new one has a moment to do so; browsers and fetch open some in advance, and some callers never finish a request.
 */
export function endSilentConnections(app: FastifyInstance): void {
  const connections = new Map<Socket, Connection>();
  let accepted = 0;
  let onChange = () => {};
  app.server.on('connection', (socket: Socket) => {
    const acceptedAtMs = performance.now();
    accepted += 1;
    connections.set(socket, { acceptedAtMs, underWay: 0, requests: 0, bytesRead: 0 });
    socket.once('close', () => {
      connections.delete(socket);
      onChange();
    });
  });
  app.server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    const connection = connections.get(socket);
    if (connection === undefined) return;
    connection.underWay += 1;
    connection.requests += 1;
    onChange();
    response.once('close', () => {
      connection.underWay -= 1;
      connection.bytesRead = socket.bytesRead;
    });
  });
  app.addHook('preClose', async () => {
    await acceptAll();
    stopListening(app.server);
    for (let turns = 0; turns < 2; turns += 1) await nextTurn(); // what has come by now is read
    const silent = () => [...connections].filter(([, { underWay }]) => underWay === 0);
    for (const [socket, connection] of silent()) if (!mayAsk(socket, connection)) socket.destroy();
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, lingerMs);
      onChange = () => {
        if (silent().some(([socket]) => !socket.destroyed)) return;
        clearTimeout(timer);
        resolve();
      };
      onChange();
    });
    onChange = () => {};
    for (const [socket] of silent()) socket.destroy();
  });

  /** Who has connected by now; Node accepts one a turn of its event loop, and those who are left in the queue would be reset. */
  async function acceptAll(): Promise<void> {
    const endsAtMs = performance.now() + 5 * lingerMs; // however many go on coming
    for (let before = -1; accepted > before && performance.now() < endsAtMs; ) {
      before = accepted;
      for (let turns = 0; turns < 2; turns += 1) await nextTurn(); // the first may be the end of the present one
    }
  }
}

/** So long a request may take from a connection's first moment, or from its first byte. */
const lingerMs = 1000;

function mayAsk(socket: Socket, { requests, acceptedAtMs, bytesRead }: Connection): boolean {
  const isNew = requests === 0 && performance.now() - acceptedAtMs < lingerMs;
  return isNew || socket.bytesRead > bytesRead;
}

/** As the close of HTTP's server does, but leaves idle connections alone. */
function stopListening(server: Server): void {
  if (server.listening) TcpServer.prototype.close.call(server);
}
