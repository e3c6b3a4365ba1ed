// A server that takes every request and never finishes an answer.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface SilentServer extends AsyncDisposable {
  readonly url: string;
}

/** With `begins` it sends a status and the first byte of a body. */
export async function startSilentServer({ begins = false } = {}): Promise<SilentServer> {
  const server = createServer((_request, response) => {
    if (begins) response.writeHead(200, { 'content-type': 'application/json' }).write('{');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // listening on TCP
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
