// The span of a request: over everything that is done for it, until its answer has ended or its caller has gone.

import type { Attributes } from '@opentelemetry/api';
import type { FastifyInstance } from 'fastify';

export interface RequestSpan {
  /** What is begun in it belongs to it. */
  run(work: () => void): void;
  end(name: string, attributes: Attributes, isFailure: boolean): void;
}

export interface RequestSpansOptions {
  readonly begin: (headers: object, method: string, attributes: Attributes) => RequestSpan;
}

declare module 'fastify' {
  interface FastifyRequest {
    span: RequestSpan | undefined;
  }
}

/** By route template, so that neither names nor query strings leave the process. */
export function addRequestSpans(app: FastifyInstance, { begin }: RequestSpansOptions): void {
  app.decorateRequest('span', undefined);
  app.addHook('onRequest', (request, reply, done) => {
    const { url: route, config } = request.routeOptions;
    if (config.isProbe === true) return done();
    const { method } = request;
    const span = begin(request.headers, method, {
      'http.request.method': method,
      ...(route !== undefined && { 'http.route': route }),
      'ondemand.request_id': request.id,
    });
    request.span = span;
    reply.raw.once('close', () => {
      const { statusCode } = reply.raw;
      const { operationId } = config;
      span.end(
        route === undefined ? method : `${method} ${route}`,
        {
          'http.response.status_code': statusCode,
          ...(operationId !== undefined && { 'ondemand.operation': operationId }),
          ...(!reply.raw.writableFinished && { 'error.type': 'aborted' }),
        },
        statusCode >= 500,
      );
    });
    span.run(done);
  });
  // Where a body is read, what follows runs in the turn of its last byte; the log is written in that of the answer's.
  app.addHook('preValidation', ({ span }, _reply, done) => (span ? span.run(done) : done()));
  app.addHook('onResponse', ({ span }, _reply, done) => (span ? span.run(done) : done()));
}
