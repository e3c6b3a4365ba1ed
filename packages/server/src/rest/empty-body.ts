// Lets a POST come without a body, whatever content type it claims, as the reference's curl lines do.

import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyInstance } from 'fastify';

/** Empty bodies of any content type, white space included, parse to undefined; others are JSON, or 415. For the given encapsulation context only. */
export function allowEmptyBodies(app: FastifyInstance): void {
  const parseJson = app.getDefaultJsonParser('error', 'error');
  app.removeAllContentTypeParsers();
  app.addHook('onRequest', ({ raw: { headers } }, _reply, done) => {
    if (headers['content-type'] !== undefined && hasNoBody(headers)) delete headers['content-type']; // Fastify checks it first, and refuses an empty or malformed one
    done();
  });
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    const text = body as string; // parseAs says so
    if (text.trim() === '') done(null, undefined);
    else parseJson(request, text, done);
  });
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => {
    if ((body as string).trim() === '')
      done(null, undefined); // parseAs says so
    else done(Object.assign(new Error('not JSON'), { statusCode: 415 }), undefined);
  });
}

/** https://www.rfc-editor.org/rfc/rfc9112#section-6.3 */
function hasNoBody(headers: IncomingHttpHeaders): boolean {
  const { 'transfer-encoding': encoding, 'content-length': length } = headers;
  return encoding === undefined && (length === undefined || Number(length) === 0);
}
