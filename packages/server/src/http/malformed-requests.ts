// Requests that HTTP/1.1 forbids: Node answers some without an ApiError, and lets the others through.

import { randomUUID } from 'node:crypto';
import { type IncomingMessage, STATUS_CODES } from 'node:http';
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
    answerSocket(socket, badPart('request', 'This is no proxy; ask for a path'), {
      securityHeaders,
      status: 400,
    });
  });
  app.addHook('onRequest', ({ raw }, _reply, done) => {
    const problem = findProblem(raw);
    if (problem !== undefined) throw badPart(problem.path, problem.message);
    done();
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
  const code = 'code' in error ? error.code : undefined;
  if (code === 'ECONNRESET' || !socket.writable) socket.destroy();
  else if (code === 'ERR_HTTP_REQUEST_TIMEOUT') refuse('The request did not come in time', 408);
  else if (code === 'HPE_HEADER_OVERFLOW') refuse('The headers of the request are too large', 431);
  else refuse('This is not a well-formed HTTP/1.1 request', 400);

  function refuse(message: string, status: number): void {
    answerSocket(socket, badPart('request', message), { securityHeaders, status });
  }
}

/** https://www.rfc-editor.org/rfc/rfc9112#section-3.2, https://www.rfc-editor.org/rfc/rfc9110#section-10.1.1 */
function findProblem(request: IncomingMessage): Issue | undefined {
  const { url, httpVersion, headersDistinct } = request;
  const hosts = headersDistinct.host?.length ?? 0;
  if (hosts > 1 || (hosts === 0 && httpVersion !== '1.0'))
    return { path: 'host', message: 'A request needs one Host header' };
  if (!hostPattern.test(headersDistinct.host?.[0] ?? ''))
    return {
      path: 'host',
      message: 'The Host header is no host name or address, with or without a port',
    };
  if (headersDistinct.expect?.some((value) => value.toLowerCase() !== '100-continue'))
    return { path: 'expect', message: 'No expectation but 100-continue is met here' };
  if (!url?.startsWith('/')) return { path: 'url', message: 'A request needs a path' }; // `*`, or another scheme
  return undefined;
}

/** https://www.rfc-editor.org/rfc/rfc3986#section-3.2.2, whose user part a Host header lacks */
const hostPattern = /^(?:\[[\da-f:.]+\]|[\w.~%!$&'()*+,;=-]*)(?::\d*)?$/i;

/** 408 and 431 are BAD_REQUEST in words, and their own status for the browsers and proxies that know them. */
function answerSocket(
  socket: Duplex,
  refusal: AppError,
  { securityHeaders, status }: { readonly securityHeaders: Headers; readonly status: number },
): void {
  const requestId = randomUUID();
  const { body } = toErrorResponse(refusal, { requestId, resourceMetadataUrl: '' });
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
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
      '',
      json,
    ].join('\r\n'),
  );
}
