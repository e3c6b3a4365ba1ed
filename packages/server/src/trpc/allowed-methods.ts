// Which methods a URL of tRPC takes: its procedures say so, which share one route.

import type { FastifyRequest } from 'fastify';
import type { AppRouter } from '../procedures/app-router.ts';
import { listProcedures } from '../procedures/procedure-list.ts';
import { decodeOrNone, isBatch } from './batch.ts';

/** Gives undefined where none of the procedures is there. Reads the URL alone: a request whose method has no route has no parameters. */
export function createAllowedMethods(router: AppRouter) {
  const methods = new Map(
    listProcedures(router).map(({ path, type }) => [path, type === 'mutation' ? 'POST' : 'GET']),
  );
  return (request: FastifyRequest): readonly string[] | undefined => {
    const [path = ''] = request.url.split(/[?#]/, 1);
    const [, , segment = ''] = path.split('/');
    const called = decodeOrNone(decodeOrNone(segment));
    const names = isBatch(request) ? called.split(',') : [called];
    const found = new Set(names.flatMap((name) => methods.get(name) ?? []));
    return found.size > 0 ? [...found].sort() : undefined;
  };
}
