// Answers requests without a route: an unknown path, or a method that the path does not have.

import { AppError } from '@ondemand/core';
import type { FastifyContextConfig, FastifyInstance, FastifyRequest } from 'fastify';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Where more than the path says which methods are allowed; gives undefined for what is not there. */
    readonly allowedMethods?: (request: FastifyRequest) => readonly string[] | undefined;
  }
}

/**
 * Throws `NOT_FOUND`, or `METHOD_NOT_ALLOWED` with `details.allow`, before a body is read: add it after authentication.
 * Knows every route that is added to `app` from now on.
 */
export function addRouteCheck(app: FastifyInstance): void {
  const routes = createRouteTable(app);
  app.addHook('onRequest', (request, _reply, done) => {
    if (request.is404 || hasEmptyParameter(request)) throw notRouted(request, routes);
    done();
  });
}

export function noSuchPath(): AppError {
  return new AppError('NOT_FOUND', 'No such path in this API; /docs lists what there is', {
    text: 'Path not found',
  });
}

/** Fastify takes `/jobs/` for `/jobs/:id`; a wildcard may be empty. */
function hasEmptyParameter({ params }: FastifyRequest): boolean {
  return Object.entries(params as Record<string, string>) // Fastify's are strings
    .some(([name, value]) => name !== '*' && value === '');
}

function notRouted(request: FastifyRequest, { methodsOf }: RouteTable): AppError {
  const allow = methodsOf(request);
  if (allow === undefined) return noSuchPath();
  return new AppError(
    'METHOD_NOT_ALLOWED',
    `${request.method} is not allowed here; use ${allow.join(' or ')}`,
    { details: { allow } },
  );
}

/** As the router reads it: without query and fragment, and unreserved characters mean the same when they are escaped: https://www.rfc-editor.org/rfc/rfc3986#section-2.3 */
function toPath(url: string): string {
  const [path = '/'] = url.split(/[?#]/, 1);
  return path.replaceAll(/%(?:2[de]|3\d|[46][1-9a-f]|5[\daf]|7[\dae])/gi, decodeURIComponent);
}

interface RouteTable {
  /** Methods of the request's path, sorted; undefined when there is no such path. */
  methodsOf(request: FastifyRequest): readonly string[] | undefined;
}

interface Route {
  readonly pattern: RegExp;
  readonly methods: Set<string>;
  readonly allowedMethods: FastifyContextConfig['allowedMethods'];
}

function createRouteTable(app: FastifyInstance): RouteTable {
  const routes = new Map<string, Route>();
  app.addHook('onRoute', ({ url, method, config }) => {
    const { allowedMethods } = config ?? {};
    const entry = routes.get(url) ?? {
      pattern: toPattern(url),
      methods: new Set(),
      allowedMethods,
    };
    for (const name of [method].flat()) entry.methods.add(name);
    routes.set(url, entry);
  });
  return {
    methodsOf(request) {
      const path = toPath(request.url);
      const found = [...routes.values()].filter(({ pattern }) => pattern.test(path));
      const names = found.flatMap(({ allowedMethods, methods }) =>
        allowedMethods === undefined ? [...methods] : (allowedMethods(request) ?? []),
      );
      return names.length > 0 ? [...new Set(names)].sort() : undefined;
    },
  };
}

function toPattern(url: string): RegExp {
  const source = url
    .replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&')
    .replaceAll(/:\w+/g, '[^/]+')
    .replaceAll('*', '.*');
  return new RegExp(`^${source}$`);
}
