// The Engine API on a unix socket: versions, headers and faults around the routes.

import { rm } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { type DockerFaults, takeFault } from '../faults.ts';
import { pause } from './abortable-sleep.ts';
import { ApiError } from './api-error.ts';
import type { Reply, Route } from './routes.ts';
import { send } from './send.ts';
import type { EngineVersion } from './views/to-info.ts';

export interface EngineRequest {
  readonly method: string;
  /** Without the version prefix and the query. */
  readonly path: string;
  readonly query: string;
  /** e.g. `GET /containers/{id}/json`; `other` for what the engine does not have. */
  readonly route: string;
}

export interface EngineServer {
  /** Connections that are open now. */
  readonly connections: number;
  /** Listens on the socket. */
  open(): Promise<void>;
  /** Stops listening, removes the socket and cuts every connection. */
  close(): Promise<void>;
  /** Cuts every connection and goes on listening. */
  cut(): void;
}

export interface EngineServerOptions {
  readonly socketPath: string;
  readonly routes: readonly Route[];
  readonly version: EngineVersion;
  readonly faults: DockerFaults;
  readonly onRequest: (request: EngineRequest) => void;
}

/** Not listening before `open`. */
export function createEngineServer(options: EngineServerOptions): EngineServer {
  const { socketPath } = options;
  const sockets = new Set<Socket>();
  let server: Server | undefined;
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    get connections() {
      return sockets.size;
    },
    async open() {
      await rm(socketPath, { force: true });
      // dockerd keeps idle connections for as long as the client does.
      const opened = createServer(
        { keepAliveTimeout: 0, requestTimeout: 0, headersTimeout: 0 },
        (request, response) => void answer(request, response, options),
      );
      opened.on('connection', (socket) => {
        sockets.add(socket);
        socket.on('close', () => sockets.delete(socket));
        socket.on('error', () => {});
      });
      server = opened;
      await new Promise<void>((resolve, reject) => {
        opened.once('error', reject);
        opened.listen(socketPath, resolve);
      });
    },
    async close() {
      const closing = server;
      server = undefined;
      const closed = new Promise((resolve) => {
        if (closing?.listening) closing.close(resolve);
        else resolve(undefined);
      });
      cut();
      await closed;
    },
    cut,
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  options: EngineServerOptions,
): Promise<void> {
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  response.on('error', () => {});
  request.resume();
  const method = request.method ?? 'GET';
  const url = new URL(request.url ?? '/', 'http://engine');
  const versioned = /^\/v(\d+\.\d+)(\/.*)$/.exec(url.pathname);
  const path = versioned?.[2] ?? url.pathname;
  const route = options.routes.find((each) => each.method === method && each.pattern.test(path));
  options.onRequest({ method, path, query: url.search, route: route?.name ?? 'other' });

  const fault = isSet(options.faults) && takeFault(options.faults, { method, path });
  const faults: DockerFaults = fault ? { ...options.faults } : {};
  if (faults.delayMs !== undefined) await pause(faults.delayMs, gone.signal);
  if (faults.hangs || gone.signal.aborted) return;

  let reply: Reply;
  if (faults.status !== undefined) {
    reply = toError(new ApiError(faults.status, faults.message ?? 'something went wrong'));
  } else {
    try {
      const { version } = options;
      const minorVersion = checkVersion(versioned?.[1] ?? version.api, version);
      if (route === undefined) throw new ApiError(404, 'page not found');
      const reference = toReference(route.pattern.exec(path)?.[1] ?? '');
      const query = url.searchParams;
      reply = await route.handle({ query, reference, minorVersion, signal: gone.signal });
    } catch (error) {
      reply = toError(error);
    }
  }
  if (faults.losesAnswer) {
    response.destroy();
    return;
  }
  response.setHeader('Api-Version', options.version.api);
  response.setHeader('Docker-Experimental', 'false');
  response.setHeader('Ostype', 'linux');
  response.setHeader('Server', `Docker/${options.version.engine} (linux)`);
  await send(response, reply, { faults, signal: gone.signal });
}

function checkVersion(asked: string, version: EngineVersion): number {
  const minor = toMinor(asked);
  const advice = 'please upgrade your client to a newer version';
  if (minor < toMinor(version.minApi)) {
    const minimum = `Minimum supported API version is ${version.minApi}`;
    throw new ApiError(400, `client version ${asked} is too old. ${minimum}, ${advice}`);
  }
  if (minor > toMinor(version.api)) {
    const maximum = `Maximum supported API version is ${version.api}`;
    throw new ApiError(400, `client version ${asked} is too new. ${maximum}`);
  }
  return minor;
}

/** `1.41` → 41; there has never been another major version than 1. */
function toMinor(version: string): number {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return (major - 1) * 1_000 + minor;
}

function toReference(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return encoded;
  }
}

function toError(error: unknown): Reply {
  if (error instanceof ApiError) return { status: error.status, json: { message: error.message } };
  return { status: 500, json: { message: error instanceof Error ? error.message : String(error) } };
}

/** Only these belong to single requests; the others have no use for `times`. */
function isSet(faults: DockerFaults): boolean {
  const { status, hangs, delayMs, cutsBody, losesAnswer, badFrames } = faults;
  return [status, hangs, delayMs, cutsBody, losesAnswer, badFrames].some(
    (setting) => setting !== undefined && setting !== false,
  );
}
