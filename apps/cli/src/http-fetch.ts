// `fetch` for the calls of the client, on `node:http`: Node's own takes longer to load than all else that a command needs.

import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { version } from './version.ts';

/** As much of `fetch` as a call uses: whole answers, and redirects as they came. Streams get Node's own. Rejects with the system's code. */
export const fetchAnswer = (async (url: string, init: AnswerInit) => {
  if (init.headers.accept === 'text/event-stream') return fetch(url, init);
  return toResponse(await sendRequest(url, init));
}) as typeof fetch; // the client asks in no other way

interface AnswerInit {
  readonly method: string;
  readonly signal: AbortSignal;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface RequestInit extends Omit<AnswerInit, 'body'> {
  readonly body?: string | Buffer | undefined;
}

/** Resolves with the head of the answer, whatever it is. Redirects are not followed. Rejects with the system's code. */
export async function sendRequest(
  url: string,
  { method, headers, body, signal }: RequestInit,
): Promise<IncomingMessage> {
  const { request } = url.startsWith('https:')
    ? await import('node:https')
    : await import('node:http');
  return new Promise((resolve, reject) => {
    const all = { accept: '*/*', 'user-agent': `ondemand/${version}`, ...headers };
    const outgoing = request(url, { method, headers: all, signal }, resolve);
    const connected = url.startsWith('https:') ? 'secureConnect' : 'connect';
    outgoing.on('socket', (socket) => limitConnecting(socket, connected));
    outgoing.on('error', reject);
    if (body === undefined) outgoing.end();
    else outgoing.end(body);
  });
}

/** `node:http` has no such limit; a connection that is kept from the call before is none to make. */
function limitConnecting(socket: Socket, connected: 'connect' | 'secureConnect'): void {
  if (!socket.connecting) return;
  const timer = setTimeout(() => {
    const error = new Error(`No connection within ${connectTimeoutMs} ms`);
    socket.destroy(Object.assign(error, { code: 'UND_ERR_CONNECT_TIMEOUT' }));
  }, connectTimeoutMs);
  const stop = () => clearTimeout(timer);
  socket.once(connected, stop).once('close', stop);
}

/** That of Node's `fetch`, and its code, which says that nothing was sent. */
const connectTimeoutMs = 10_000;

function toResponse(incoming: IncomingMessage) {
  return {
    status: incoming.statusCode,
    headers: { get: (name: string) => toHeader(incoming.headers[name.toLowerCase()]) },
    text: () => readText(incoming),
  };
}

function toHeader(value: string | string[] | undefined): string | null {
  return Array.isArray(value) ? value.join(', ') : (value ?? null);
}

/** Rejects for a body that was cut off. */
function readText(incoming: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    incoming.setEncoding('utf8');
    incoming.on('data', (part: string) => {
      text += part;
    });
    incoming.on('error', reject);
    incoming.on('end', () => resolve(text));
  });
}
