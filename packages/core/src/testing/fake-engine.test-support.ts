// A small Engine API on a real unix socket, and channels that lead to it, for tests.

import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppError } from '../app-error.ts';
import { ChannelRefusedError, type Channels } from '../ssh/channel/channels.ts';

export type Respond = (request: IncomingMessage, response: ServerResponse) => void;

export interface FakeEngine extends AsyncDisposable {
  readonly socketPath: string;
  readonly channels: Channels & { generation: number; receivedBytes: number; opened: number };
  /** `METHOD /path` of each request, in order. */
  readonly requests: string[];
  /** Connections that are open now. */
  readonly sockets: ReadonlySet<Socket>;
  apiVersion: string | undefined;
  pingStatus: number;
  respond: Respond;
}

/** Starts an engine whose answers a test chooses; `/_ping` is its own. */
export async function startFakeEngine(respond: Respond): Promise<FakeEngine> {
  const folder = await mkdtemp(join(tmpdir(), 'ondemand-engine-'));
  const socketPath = join(folder, 'docker.sock');
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    fake.requests.push(`${request.method} ${request.url}`);
    if (request.url !== '/_ping') return fake.respond(request, response);
    if (fake.apiVersion !== undefined) response.setHeader('Api-Version', fake.apiVersion);
    response.writeHead(fake.pingStatus).end('OK');
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(socketPath);
  await once(server, 'listening');

  const fake: FakeEngine = {
    socketPath,
    channels: {
      generation: 1,
      receivedBytes: 0,
      opened: 0,
      openSocket(path) {
        fake.channels.opened += 1;
        return openUnixSocket(path);
      },
      openCommand: () => Promise.reject(refusal('The VM refused a command.')),
      renew: () => {},
    },
    requests: [],
    sockets,
    apiVersion: '1.41',
    pingStatus: 200,
    respond,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
      await rm(folder, { recursive: true });
    },
  };
  return fake;
}

export function openUnixSocket(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.off('error', onError);
      resolve(socket);
    });
    const onError = (cause: Error) => reject(refusal('The VM refused the socket.', cause));
    socket.once('error', onError);
  });
}

/** What the SSH adapter throws when the VM was reached and said no. */
export function refusal(message: string, cause: unknown = undefined): AppError {
  return new AppError('SERVICE_UNAVAILABLE', message, {
    cause: new ChannelRefusedError('open failed', { cause }),
  });
}

export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}
