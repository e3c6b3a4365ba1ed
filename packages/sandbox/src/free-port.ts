// Ports for programs that cannot pick one by themselves, or that come back to theirs.

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';

const host = '127.0.0.1';

/**
 * A port of 127.0.0.1 that nothing listens on, below those that the system hands out by itself.
 * Whether it is listened on or not, no other call gets it, of any process, while this process runs: its UDP port stays taken.
 */
export async function findFreePort(): Promise<number> {
  let cause: unknown;
  for (let tries = 0; tries < 100; tries += 1) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const held = createSocket('udp4');
    const server = createServer();
    try {
      held.bind(port, host);
      await once(held, 'listening');
      server.listen(port, host);
      await once(server, 'listening');
    } catch (error) {
      cause = error; // taken, most likely
      held.close();
      continue;
    }
    held.unref();
    server.close();
    await once(server, 'close');
    return port;
  }
  throw new Error('no free port between 20000 and 32000: close some listeners', { cause });
}
