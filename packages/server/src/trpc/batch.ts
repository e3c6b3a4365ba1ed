// Counts the calls of a tRPC request as tRPC's own adapter does, so that no form of a batch counts for less.

import type { FastifyInstance, FastifyRequest } from 'fastify';
import { badPart } from '../http/bad-input.ts';
import { trpcPrefix } from '../procedures/base.ts';

/** Of calls in one batch. */
export const maxBatchSize = 50;

/** 1 for what is no batch, and for what is no request of tRPC. */
export function countCalls(request: FastifyRequest): number {
  if (request.routeOptions.url !== `${trpcPrefix}/:path` || !isBatch(request)) return 1;
  return toProcedurePath(request).split(',').length;
}

/** The batching link of tRPC's client splits batches by itself after this error. Throws `BAD_REQUEST`. */
export function refuseLargeBatches(app: FastifyInstance): void {
  app.addHook('preHandler', (request, _reply, done) => {
    const calls = countCalls(request);
    if (calls > maxBatchSize)
      throw badPart(
        'batch',
        `A batch may hold ${maxBatchSize} calls, and this one holds ${calls}; set maxItems: ${maxBatchSize} on the batching link, or send several`,
      );
    done();
  });
}

/** By the first `batch` of the query, whatever else is in the URL. */
export function isBatch({ raw: { url = '' } }: FastifyRequest): boolean {
  if (!url.includes('?')) return false;
  const base = 'http://localhost';
  return URL.canParse(url, base) && new URL(url, base).searchParams.get('batch') === '1';
}

/** Decoded once more than Fastify does; empty where that is not possible, which tRPC refuses. */
export function toProcedurePath({ params }: FastifyRequest): string {
  const { path = '' } = params as { path?: string }; // of the route's `/:path`
  return decodeOrNone(path);
}

export function decodeOrNone(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}
