// A booted engine on a socket of its own, and the smallest HTTP client that can talk to it.

import { mkdtemp, rm } from 'node:fs/promises';
import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEngine, type EngineControl } from '../engine/engine.ts';
import { createFaults, type Faults } from '../faults.ts';

export interface TestEngine extends AsyncDisposable {
  readonly engine: EngineControl;
  readonly faults: Faults;
  call(method: string, path: string): Promise<Answer>;
  /** The answer as soon as its headers are there. */
  open(method: string, path: string): Promise<IncomingMessage>;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly text: string;
  /** The parsed body; undefined for none. */
  readonly json: unknown;
}

/** Booted and without containers. */
export async function startTestEngine(): Promise<TestEngine> {
  const folder = await mkdtemp(join(tmpdir(), 'sandbox-engine-'));
  const faults = createFaults();
  const engine = createEngine({ socketPath: join(folder, 'engine.sock'), faults });
  await engine.boot();
  const open = (method: string, path: string): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      request({ socketPath: engine.socketPath, agent: false, method, path }, resolve)
        .on('error', reject)
        .end();
    });
  return {
    engine,
    faults,
    open,
    async call(method, path) {
      const response = await open(method, path);
      const body = await readAll(response);
      const text = body.toString();
      return {
        status: response.statusCode ?? 0,
        headers: response.headers,
        body,
        text,
        get json() {
          return text === '' ? undefined : JSON.parse(text);
        },
      };
    },
    async [Symbol.asyncDispose]() {
      await engine[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Rejects when the body does not end as it should. */
export async function readAll(response: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of response) parts.push(part);
  return Buffer.concat(parts);
}

export interface Frame {
  readonly stream: number;
  readonly text: string;
}

export function parseFrames(bytes: Buffer): readonly Frame[] {
  const found: Frame[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at + 4);
    found.push({ stream: bytes[at] ?? 0, text: bytes.toString('utf8', at + 8, at + 8 + length) });
    at += 8 + length;
  }
  return found;
}
