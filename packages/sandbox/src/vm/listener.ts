// sshd's port: the same over power cycles; network faults are simulated here.

import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Faults } from '../faults.ts';
import { createLink, type Link } from './freezable-connection.ts';

export interface Listener {
  readonly connections: number;
  readonly connects: number;
  /** Who is connected: `127.0.0.1:50000`. */
  readonly peers: readonly string[];
  /** Throws when the port stays taken. */
  open(host: string): Promise<void>;
  /** Stops listening and cuts every connection; behind a frozen link the peer notices only when it thaws. */
  close(): void;
  /** Ends what `close` left behind frozen links, and stops looking at the faults. */
  release(): void;
}

export interface ListenerOptions {
  readonly port: number;
  readonly faults: Faults;
  /** Speaks the protocol on a new connection. */
  readonly serve: (stream: Duplex, peer: string) => void;
}

const bindDeadlineMs = 5_000;

/** Listens when opened, unless the fault `refuse` is set; follows the faults as they change. */
export function createListener({ port, faults, serve }: ListenerOptions): Listener {
  const links = new Map<Link, string>();
  const bannerTimers = new Set<NodeJS.Timeout>();
  let connects = 0;
  let host: string | undefined;
  let server: Server | undefined;

  const accept = (socket: Socket): void => {
    connects += 1;
    socket.setNoDelay(true);
    const { mode, bannerDelayMs } = faults.ssh;
    if (mode === 'drop') {
      socket.destroy();
      return;
    }
    const link = createLink(socket);
    const peer = `${socket.remoteAddress}:${socket.remotePort}`;
    links.set(link, peer);
    socket.on('close', () => links.delete(link));
    if (mode === 'freeze') link.freeze();
    if (mode === 'silent') {
      link.stream.resume();
      return;
    }
    if (bannerDelayMs === undefined) {
      serve(link.stream, peer);
      return;
    }
    const timer = setTimeout(() => {
      bannerTimers.delete(timer);
      if (!link.stream.destroyed) serve(link.stream, peer);
    }, bannerDelayMs);
    bannerTimers.add(timer.unref());
  };
  const listen = async (): Promise<void> => {
    if (host === undefined || server !== undefined || faults.ssh.mode === 'refuse') return;
    const opened = createServer({ allowHalfOpen: true }, accept);
    server = opened;
    await bind(opened, { port, host });
    // Closed meanwhile, before there was anything to close.
    if (server !== opened) opened.close();
  };
  const unlisten = (): void => {
    // Connections may live on; the listening itself ends at once.
    server?.close();
    server = undefined;
  };
  const stopWatching = faults.onChange((area) => {
    if (area !== 'ssh') return;
    const { mode } = faults.ssh;
    for (const link of links.keys()) {
      if (mode === 'freeze') link.freeze();
      else link.thaw();
    }
    // A fault is a plain assignment: nobody could wait for the port to open, and it takes no time.
    if (mode === 'refuse') unlisten();
    else listen().catch(() => {});
  });

  return {
    get connections() {
      return links.size;
    },
    get connects() {
      return connects;
    },
    get peers() {
      return [...links.values()];
    },
    async open(wanted) {
      host = wanted;
      await listen();
    },
    close() {
      host = undefined;
      unlisten();
      for (const timer of bannerTimers) clearTimeout(timer);
      bannerTimers.clear();
      for (const link of links.keys()) link.stream.destroy();
    },
    release() {
      stopWatching();
      for (const link of links.keys()) link.destroy();
    },
  };
}

async function bind(server: Server, where: { readonly port: number; readonly host: string }) {
  const deadline = Date.now() + bindDeadlineMs;
  for (;;) {
    try {
      return await listenOnce(server, where);
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await sleep(20);
    }
  }
}

/** Leaves no listener behind where the port is taken: a callback of `listen` would stay. */
async function listenOnce(
  server: Server,
  { port, host }: { readonly port: number; readonly host: string },
): Promise<void> {
  server.listen({ port, host });
  await once(server, 'listening');
}
