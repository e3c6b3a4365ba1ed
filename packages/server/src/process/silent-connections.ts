// Closes connections without a complete request at shutdown: browsers and fetch open some in advance, and some callers never finish a request.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';

/** Node's own `close()` ends connections that are idle between two requests, but waits for those that never sent a byte, and for headers that have begun. */
export function endSilentConnections(app: FastifyInstance): void {
  const requests = new Map<Socket, number>(); // how many are under way on each open connection
  const count = (socket: Socket, change: number) => {
    const before = requests.get(socket);
    if (before !== undefined) requests.set(socket, before + change);
  };
  app.server.on('connection', (socket: Socket) => {
    requests.set(socket, 0);
    socket.once('close', () => requests.delete(socket));
  });
  app.server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    count(socket, 1);
    response.once('close', () => count(socket, -1));
  });
  app.addHook('preClose', async () => {
    for (const [socket, underWay] of requests) if (underWay === 0) socket.destroy();
  });
}
