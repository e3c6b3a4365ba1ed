// Many connections that ask for the same path again and again, and what the server's process spent on each answer.

import { connect, type Socket } from 'node:net';
import { readCpuMs } from '../support/cpu.ts';
import { toPercentile } from './latency-percentiles.ts';

export interface LoadOptions {
  readonly url: string;
  /** The server's process. */
  readonly pid: number;
  readonly path: string;
  readonly token: string;
  readonly connections: number;
  readonly length: LoadLength;
}

/** By time, or by a number of requests where the same work is wanted on every machine. */
export type LoadLength = { readonly durationMs: number } | { readonly requests: number };

export interface Load {
  readonly requests: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of the server's process, for each request: it tells more than `perSecond` where other work shares the machine. */
  readonly cpuMs: number;
}

/** Rejects for any answer but 200. */
export async function measureLoad(options: LoadOptions): Promise<Load> {
  const { url, pid, path, token, connections, length } = options;
  const { hostname, port, host } = new URL(url);
  const request = `GET ${path} HTTP/1.1\r\nhost: ${host}\r\nauthorization: Bearer ${token}\r\n\r\n`;
  const latenciesMs: number[] = [];
  let sent = 0;
  const cpuBeforeMs = await readCpuMs(pid);
  const startedMs = performance.now();
  const isOver = (): boolean =>
    'requests' in length
      ? sent >= length.requests
      : performance.now() - startedMs >= length.durationMs;
  await Promise.all(
    Array.from({ length: connections }, async () => {
      const socket = connect({ host: hostname, port: Number(port), noDelay: true });
      try {
        const ask = createExchange(socket, request);
        while (!isOver()) {
          sent += 1;
          latenciesMs.push(await ask());
        }
      } finally {
        socket.destroy();
      }
    }),
  );
  const spentMs = performance.now() - startedMs;
  const cpuMs = (await readCpuMs(pid)) - cpuBeforeMs;
  return {
    requests: latenciesMs.length,
    perSecond: (latenciesMs.length / spentMs) * 1000,
    p50Ms: toPercentile(latenciesMs, 50),
    p99Ms: toPercentile(latenciesMs, 99),
    cpuMs: cpuMs / latenciesMs.length,
  };
}

/** A client so small that it takes little of the machine: answers must have a content-length. */
function createExchange(socket: Socket, request: string): () => Promise<number> {
  let missing = -1;
  let head = '';
  let settle: ((error?: Error) => void) | undefined;
  socket.on('data', (chunk: Buffer) => {
    if (missing < 0) {
      head += chunk.toString('latin1');
      const end = head.indexOf('\r\n\r\n');
      if (end < 0) return;
      const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1];
      if (!head.startsWith('HTTP/1.1 200 ') || length === undefined) {
        settle?.(new Error(`not answered: ${head.slice(0, 500)}`));
        return;
      }
      missing = end + 4 + Number(length) - head.length;
    } else missing -= chunk.length;
    if (missing === 0) settle?.();
  });
  socket.on('error', (error) => settle?.(error));
  socket.on('close', () => settle?.(new Error('the connection was closed')));
  return () =>
    new Promise((resolve, reject) => {
      const startedMs = performance.now();
      missing = -1;
      head = '';
      settle = (error) => (error ? reject(error) : resolve(performance.now() - startedMs));
      socket.write(request);
    });
}
