// Streams as tRPC sends them, written event by event: connections that a test cuts, holds back and ends as it likes.

import type { ServerResponse } from 'node:http';
import {
  type Behaviour,
  type CannedApi,
  type CannedError,
  failure,
  type SeenRequest,
  startCannedApi,
} from './canned-api.test-support.ts';

export interface CannedStream {
  readonly request: SeenRequest;
  connected(): void;
  ping(): void;
  item(id: string | undefined, data: unknown): void;
  /** tRPC's own words for: that was all. */
  finish(): void;
  fail(status: number, error: CannedError): void;
  /** Resolves once it is on its way, so that what follows is a chunk of its own. */
  raw(text: string | Uint8Array): Promise<void>;
  /** Ends the body as HTTP has it, without a word of tRPC. */
  end(): void;
  cut(): void;
  /** Resolves when the client has left. */
  readonly left: Promise<void>;
}

export type StreamScript = (stream: CannedStream) => void | Promise<void>;

/** Each request gets the next behaviour, a script or a canned answer; the last one is for all that follow. */
export function startCannedStreams(
  ...behaviours: readonly (StreamScript | Exclude<Behaviour, (...args: never) => unknown>)[]
): Promise<CannedApi> {
  let next = 0;
  return startCannedApi((request) => {
    const behaviour = behaviours[Math.min(next++, behaviours.length - 1)] ?? 'hang';
    if (typeof behaviour !== 'function') return behaviour;
    return (response) => behaviour(openStream(request, response));
  });
}

export function openStream(request: SeenRequest, response: ServerResponse): CannedStream {
  const left = new Promise<void>((resolve) => response.once('close', resolve));
  response.writeHead(200, { 'content-type': 'text/event-stream', 'x-request-id': 'r-stream' });
  response.flushHeaders();
  const write = (text: string) => void response.write(text);
  return {
    request,
    left,
    connected: () => write('event: connected\ndata: {}\n\n\n'),
    ping: () => write('event: ping\ndata: \n\n\n'),
    item: (id, data) => write(toItemText(id, data)),
    finish() {
      write('event: return\ndata: \n\n\n');
      response.end();
    },
    fail(status, error) {
      const { body } = failure(status, error);
      const { error: shape } = body as { error: unknown }; // as `failure` builds it
      write(`event: serialized-error\ndata: ${JSON.stringify(shape)}\n\n\n`);
      response.end();
    },
    raw: (text) =>
      new Promise((resolve) => {
        response.write(text, () => setImmediate(resolve));
      }),
    end: () => void response.end(),
    cut: () => void response.socket?.resetAndDestroy(),
  };
}

export function toItemText(id: string | undefined, data: unknown): string {
  return `data: ${JSON.stringify(data)}\n${id === undefined ? '' : `id: ${id}\n`}\n\n`;
}
