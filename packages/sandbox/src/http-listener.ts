// An HTTP listener on a free loopback port that really ends when it is closed, hanging requests included.

import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

export interface HttpListener {
  /** e.g. `http://127.0.0.1:40123`, without a trailing slash. */
  readonly url: string;
  readonly port: number;
  /** Aborted by `close()`; whatever a handler waits for ends with it. */
  readonly closing: AbortSignal;
  /** Resolves once nothing listens and every connection is gone. */
  close(): Promise<void>;
}

/** Listens on 127.0.0.1 before it resolves. */
export async function listenHttp(
  createHandler: (listener: HttpListener) => RequestListener,
): Promise<HttpListener> {
  // A client on a busy machine sends on a connection that it does not know to be closed yet.
  const server = createServer({ keepAliveTimeout: 10 * 60_000 });
  const closing = new AbortController();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      server.removeListener('error', reject);
      resolve();
    });
  });
  const address = server.address();
  if (address === null || typeof address === 'string')
    throw new Error('No TCP address to listen on');
  const { port } = address;
  const listener: HttpListener = {
    url: `http://127.0.0.1:${port}`,
    port,
    closing: closing.signal,
    close: () =>
      new Promise((resolve) => {
        closing.abort();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  server.on('request', createHandler(listener));
  return listener;
}

/** The whole body; rejects when the caller leaves early. */
export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer); // no encoding set: always Buffer
  return Buffer.concat(chunks);
}

/** Waits, or returns early when the listener closes. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}
