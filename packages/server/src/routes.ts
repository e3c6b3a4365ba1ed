// Knows which methods each path has, to tell 405 from 404.

import type { FastifyInstance } from 'fastify';

export interface RouteTable {
  /** Methods of the path, sorted; undefined when there is no such path. */
  methodsOf(path: string): readonly string[] | undefined;
}

/** Sees every route that is added to `app` from now on. */
export function createRouteTable(app: FastifyInstance): RouteTable {
  const routes = new Map<string, { readonly pattern: RegExp; readonly methods: Set<string> }>();
  app.addHook('onRoute', ({ url, method }) => {
    const entry = routes.get(url) ?? { pattern: toPattern(url), methods: new Set() };
    for (const name of [method].flat()) entry.methods.add(name);
    routes.set(url, entry);
  });
  return {
    methodsOf(path) {
      const found = [...routes.values()].filter(({ pattern }) => pattern.test(path));
      if (found.length === 0) return undefined;
      return [...new Set(found.flatMap(({ methods }) => [...methods]))].sort();
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
