// What HTTP/1.1 itself rules out: Node answers some of it without an ApiError, and lets the rest pass.

import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { AppError } from '@ondemand/core';
import type { FastifyInstance } from 'fastify';
import { toErrorResponse } from './api-error.ts';
import { badPart, type Issue } from './bad-input.ts';

export type Headers = Readonly<Record<string, string>>;

/** Throws `BAD_REQUEST`; needs a server that leaves a missing Host header to it. */
export function refuseMalformed(app: FastifyInstance, securityHeaders: Headers): void {
  app.server.on('checkExpectation', (request, response) =>
    app.server.emit('request', request, response),
  );
  app.server.on('connect', (_request, socket) => {
    socket.once('error', () => socket.destroy()); // Node has let go of it
    socket.resume();
    answerSocket(socket, badPart('request', 'This is no proxy; ask for a path'), securityHeaders);
  });
  app.addHook('onRequest', async ({ raw }) => {
    const problem = findProblem(raw);
    if (problem !== undefined) throw badPart(problem.path, problem.message);
  });
}

/** Proxies' clients may send the whole URL: https://www.rfc-editor.org/rfc/rfc9112#section-3.2.2 */
export function toOriginForm(url: string): string {
  if (url.startsWith('/')) return url;
  const rest = url.replace(/^https?:\/\/[^/?#]*/i, '');
  return rest === url || rest.startsWith('/') ? rest : `/${rest}`;
}

/** Bytes that are no HTTP request never reach a route; the socket gets one whole answer and is closed. */
export function answerClientError(error: Error, socket: Duplex, securityHeaders: Headers): void {
  const isReset = 'code' in error && error.code === 'ECONNRESET';
  if (isReset || !socket.writable) socket.destroy();
  else
    answerSocket(
      socket,
      badPart(
        'request',
        'This is not a well-formed HTTP/1.1 request, or its headers are too large',
      ),
      securityHeaders,
    );
}

/** https://www.rfc-editor.org/rfc/rfc9112#section-3.2, https://www.rfc-editor.org/rfc/rfc9110#section-10.1.1 */
function findProblem(request: IncomingMessage): Issue | undefined {
  const { url, httpVersion, headersDistinct } = request;
  const hosts = headersDistinct.host?.length ?? 0;
  if (hosts > 1 || (hosts === 0 && httpVersion !== '1.0'))
    return { path: 'host', message: 'A request needs one Host header' };
  if (headersDistinct.expect?.some((value) => value.toLowerCase() !== '100-continue'))
    return { path: 'expect', message: 'No expectation but 100-continue is met here' };
  if (url === '*') return { path: 'url', message: 'A request needs a path' };
  return undefined;
}

function answerSocket(socket: Duplex, refusal: AppError, securityHeaders: Headers): void {
  const requestId = randomUUID();
  const { status, body } = toErrorResponse(refusal, { requestId, resourceMetadataUrl: '' });
  const json = JSON.stringify(body);
  const headers = {
    ...securityHeaders,
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(json),
    'x-request-id': requestId,
    connection: 'close',
  };
  socket.end(
    [
      `HTTP/1.1 ${status} Bad Request`,
      ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
      '',
      json,
    ].join('\r\n'),
  );
}
