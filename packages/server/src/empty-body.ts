// Lets a POST come without a body, whatever content type it claims, as the reference's curl lines do.

import type { FastifyInstance } from 'fastify';

/** Empty bodies of any content type parse to undefined; others are JSON, or 415. For the given encapsulation context only. */
export function allowEmptyBodies(app: FastifyInstance): void {
  const parseJson = app.getDefaultJsonParser('error', 'error');
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body.length === 0) done(null, undefined);
    else parseJson(request, body as string, done); // parseAs says so
  });
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => {
    if (body.length === 0) done(null, undefined);
    else done(Object.assign(new Error('not JSON'), { statusCode: 415 }), undefined);
  });
}
