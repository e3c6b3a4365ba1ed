// Browsers and fetch open connections ahead of need: at the end of the process nobody waits for what they might ask.

import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';

/** Node's own `close()` ends connections that rest between two requests, but waits for those that never sent a byte. */
export function endSilentConnections(app: FastifyInstance): void {
  const silent = new Set<Socket>();
  app.server.on('connection', (socket: Socket) => {
    silent.add(socket);
    socket.once('close', () => silent.delete(socket));
  });
  app.addHook('onRequest', async ({ raw }) => {
    silent.delete(raw.socket);
  });
  app.addHook('preClose', async () => {
    for (const socket of silent) if (socket.bytesRead === 0) socket.destroy();
  });
}
