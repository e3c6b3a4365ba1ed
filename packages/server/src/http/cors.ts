// Lets pages of the configured origins call the API from a browser: https://fetch.spec.whatwg.org/#http-cors-protocol

import type { FastifyReply, FastifyRequest } from 'fastify';

export interface Cors {
  /** Adds the headers by which a page of a configured origin may read the answer; a foreign one gets none. */
  allow(request: FastifyRequest, reply: FastifyReply): void;
  /** Tells caches that answers differ by origin; once everything else has set its headers. `payload` is what is sent. */
  addVary(reply: FastifyReply, payload?: unknown): void;
  /** The headers that answer a preflight of a configured origin; undefined for any other request. */
  toPreflight(request: FastifyRequest): Readonly<Record<string, string>> | undefined;
}

/** `origins` are exact, as a browser sends them. Credentials are never allowed: a token is a header that the page sets itself. */
export function createCors(origins: readonly string[]): Cors {
  const allowed = new Set(origins);
  const isAllowed = ({ headers }: FastifyRequest) =>
    headers.origin !== undefined && allowed.has(headers.origin);
  return {
    allow(request, reply) {
      if (!isAllowed(request)) return;
      reply.header('access-control-allow-origin', request.headers.origin);
      reply.header('access-control-expose-headers', exposedHeaders);
    },
    addVary(reply, payload) {
      if (allowed.size === 0) return;
      // tRPC sends a Fetch response, whose headers replace the reply's own in the end.
      if (payload instanceof Response) payload.headers.append('vary', 'origin');
      else reply.header('vary', [reply.getHeader('vary') ?? [], 'origin'].flat().join(', '));
    },
    toPreflight(request) {
      const isPreflight =
        request.method === 'OPTIONS' && 'access-control-request-method' in request.headers;
      return isPreflight && isAllowed(request) ? preflightHeaders : undefined;
    },
  };
}

/** All that our answers have and a page could use; a test compares them with real answers. */
const exposedHeaders =
  'x-request-id, retry-after, www-authenticate, location, preference-applied, allow';

const preflightHeaders = {
  'access-control-allow-methods': 'GET, HEAD, POST, DELETE',
  // What is read here, what tRPC's links and EventSource polyfills send, and what frameworks and tracing add.
  'access-control-allow-headers': [
    'authorization',
    'cache-control',
    'content-type',
    'last-event-id',
    'prefer',
    'traceparent',
    'tracestate',
    'trpc-accept',
    'x-request-id',
    'x-requested-with',
  ].join(', '),
  'access-control-max-age': '600',
};
