// Writes an endpoint's answer to the connection, corrupted where a fault says so.

import { Buffer } from 'node:buffer';
import type { ServerResponse } from 'node:http';
import type { DockerFaults } from '../faults.ts';
import { spoilFrames } from './logs/bad-frames.ts';
import type { Reply } from './routes.ts';

export interface Sending {
  readonly faults: DockerFaults;
  readonly signal: AbortSignal;
}

/** Sends an answer as dockerd does, short bodies with their length, streams in chunks and no faster than they are read. */
export async function send(
  response: ServerResponse,
  reply: Reply,
  sending: Sending,
): Promise<void> {
  response.statusCode = reply.status;
  for (const [name, value] of Object.entries(reply.headers ?? {})) response.setHeader(name, value);
  if (reply.stream !== undefined) {
    response.flushHeaders();
    await sendStream(response, reply, sending);
    return;
  }
  if (reply.json !== undefined) response.setHeader('Content-Type', 'application/json');
  const json = reply.json === undefined ? undefined : `${JSON.stringify(reply.json)}\n`;
  const body = Buffer.from(json ?? reply.text ?? '');
  const { cutsBody } = sending.faults;
  // Go's server knows the length of short bodies only.
  if (body.length <= 2_048 && reply.status !== 204 && reply.status !== 304) {
    response.setHeader('Content-Length', body.length);
  }
  if (!cutsBody) {
    response.end(body);
    return;
  }
  if (body.length === 0) {
    response.destroy();
    return;
  }
  response.flushHeaders();
  response.write(body.subarray(0, body.length / 2), () => response.destroy());
}

async function sendStream(response: ServerResponse, reply: Reply, sending: Sending): Promise<void> {
  const { faults, signal } = sending;
  const source = reply.stream ?? [];
  const stream =
    reply.framed && faults.badFrames !== undefined ? spoilFrames(source, faults.badFrames) : source;
  try {
    for await (const part of stream) {
      if (signal.aborted) return;
      const bytes = Buffer.from(part);
      if (faults.cutsBody) {
        response.write(bytes.subarray(0, Math.ceil(bytes.length / 2)), () => response.destroy());
        return;
      }
      if (!response.write(bytes)) await drained(response, signal);
    }
    response.end();
  } catch {
    // A source that fails cannot be told apart from a dead daemon once the headers are out.
    response.destroy();
  }
}

function drained(response: ServerResponse, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off('drain', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    response.on('drain', done);
    signal.addEventListener('abort', done);
    if (signal.aborted) done();
  });
}
