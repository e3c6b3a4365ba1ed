// One request as bytes over a connection of its own, and its answer taken apart: fetch would correct what is hostile.

import { connect } from 'node:net';

export interface RawRequest {
  readonly method: string;
  /** As it goes out, the query too. */
  readonly target: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body?: Buffer | undefined;
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
  /** False where it was left before its end. */
  readonly isWhole: boolean;
}

export interface SendOptions {
  /** For an answer without an end: leaves once this much of it is there. */
  readonly isEnough?: (answer: RawAnswer) => boolean;
}

const timeoutMs = 60_000;

/** Rejects when there is no answer. */
export function send(
  port: number,
  request: RawRequest,
  { isEnough = () => false }: SendOptions = {},
): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    const chunks: Buffer[] = [];
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error('no byte for a minute')));
    socket.once('error', (error) => {
      // Who refuses a body may close before it has read all of it.
      if (chunks.length === 0) reject(error);
    });
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      const answer = parseAnswer(Buffer.concat(chunks), false);
      if (answer !== undefined && isEnough(answer)) {
        resolve(answer);
        socket.destroy();
      }
    });
    socket.once('close', () => {
      const answer = parseAnswer(Buffer.concat(chunks), true);
      if (answer === undefined) reject(new Error('no answer'));
      else resolve(answer);
    });
    socket.write(toBytes(request));
  });
}

function toBytes({ method, target, headers, body }: RawRequest): Buffer {
  const lines = [
    `${method} ${target} HTTP/1.1`,
    'Host: 127.0.0.1',
    ...headers.map(([name, value]) => `${name}: ${value}`),
    ...(body === undefined ? [] : [`Content-Length: ${body.length}`]),
    'Connection: close',
    '',
    '',
  ];
  return Buffer.concat([Buffer.from(lines.join('\r\n')), body ?? Buffer.alloc(0)]);
}

function parseAnswer(bytes: Buffer, isWhole: boolean): RawAnswer | undefined {
  const end = bytes.indexOf('\r\n\r\n');
  if (end === -1) return undefined;
  const isInterim = bytes.toString('latin1', 0, 12) === 'HTTP/1.1 100';
  if (isInterim) return parseAnswer(bytes.subarray(end + 4), isWhole);
  const [statusLine = '', ...lines] = bytes.toString('latin1', 0, end).split('\r\n');
  const headers = new Headers(
    lines.map((line): [string, string] => {
      const at = line.indexOf(':');
      return [line.slice(0, at), line.slice(at + 1).trim()];
    }),
  );
  const rest = bytes.subarray(end + 4);
  const isChunked = headers.get('transfer-encoding') === 'chunked';
  return {
    status: Number(statusLine.split(' ')[1]),
    headers,
    body: (isChunked ? joinChunks(rest) : rest).toString('utf8'),
    isWhole,
  };
}

function joinChunks(bytes: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; ; ) {
    const end = bytes.indexOf('\r\n', at);
    const size = end === -1 ? 0 : Number.parseInt(bytes.toString('latin1', at, end), 16);
    if (!(size > 0)) return Buffer.concat(parts);
    parts.push(bytes.subarray(end + 2, end + 2 + size));
    at = end + 2 + size + 2;
  }
}
