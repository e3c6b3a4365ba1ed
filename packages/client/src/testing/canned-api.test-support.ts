// A real HTTP server on loopback that answers what a test tells it to.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export interface CannedAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** A string is sent as it is, anything else as JSON. */
  readonly body?: unknown;
}

/** `'hang'` never answers, `'reset'` cuts the connection; a function answers by itself. */
export type Behaviour =
  | CannedAnswer
  | 'hang'
  | 'reset'
  | ((response: ServerResponse) => void | Promise<void>);

export interface CannedApi extends AsyncDisposable {
  readonly url: string;
  readonly requests: readonly SeenRequest[];
  /** How many requests the client has dropped before they were answered. */
  dropped(): number;
}

/** Listens on a free port of 127.0.0.1 until it is disposed, with every connection it has. */
export async function startCannedApi(
  behave: (request: SeenRequest) => Behaviour | Promise<Behaviour>,
): Promise<CannedApi> {
  const requests: SeenRequest[] = [];
  let dropped = 0;
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    void answer(request, response);
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // of a TCP server that listens

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '', headers } = request;
    let body = '';
    for await (const chunk of request) body += chunk;
    const seen = { method, url, headers, body };
    requests.push(seen);
    response.once('close', () => {
      if (!response.writableFinished) dropped++;
    });
    const behaviour = await behave(seen);
    if (behaviour === 'hang') return;
    if (behaviour === 'reset') {
      request.socket.resetAndDestroy();
      return;
    }
    if (typeof behaviour === 'function') {
      await behaviour(response);
      return;
    }
    const { status = 200, body: content = '' } = behaviour;
    const isText = typeof content === 'string';
    response.writeHead(status, {
      'content-type': isText ? 'text/html' : 'application/json',
      ...behaviour.headers,
    });
    response.end(isText ? content : JSON.stringify(content));
  }

  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    dropped: () => dropped,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export function result(data: unknown): CannedAnswer {
  return { body: { result: { data } } };
}

export interface CannedError {
  readonly error?: string;
  readonly code: string;
  readonly message: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

/** An error in tRPC's envelope, as the API sends it. */
export function failure(status: number, apiError: CannedError): CannedAnswer {
  const { message } = apiError;
  const data = { error: 'The fixed text', httpStatus: status, ...apiError };
  return { status, body: { error: { message, code: -32_000, data } } };
}
