// Where each subscription stands in REST and tRPC, and how a request of either becomes its input.

import type { z } from 'zod';
import type { AnyScope } from '../auth/principal.ts';
import type { AppRouter } from '../procedures/app-router.ts';
import type { Context } from '../procedures/base.ts';
import type { StreamOperation } from '../procedures/operation-metadata.ts';
import { type ListedProcedure, listProcedures, parsePath } from '../procedures/procedure-list.ts';
import { parseQuery, type Query, toQueryParsers } from '../rest/query.ts';
import type { StreamItems } from './interruptible-stream.ts';
import type { Item } from './sse.ts';

export interface StreamRoute {
  readonly id: string;
  /** `containers.followLogs` */
  readonly procedure: string;
  /** As Fastify spells it: `/containers/:name/logs/stream` */
  readonly url: string;
  readonly scopes: AnyScope;
  readonly operation: StreamOperation;
  /** What the procedure takes, path parameters included. */
  readonly fields: Readonly<Record<string, z.core.$ZodType>>;
  /** Throws `BAD_REQUEST` with `details.issues` for what is no query of this route; values are left to the procedure's own schema. */
  toInput(request: StreamRequest): Record<string, unknown>;
  /** Calls the procedure; resolves once upstream is open, and throws what the procedure throws. */
  open(context: Context, input: unknown): Promise<StreamItems<Item>>;
}

export interface StreamRequest {
  readonly parameters: Readonly<Record<string, string>>;
  readonly query: Query;
  readonly lastEventId: string | undefined;
}

export function toStreamRoutes(router: AppRouter): StreamRoute[] {
  return listProcedures(router).flatMap((procedure) => {
    const { stream } = procedure.meta;
    return stream === undefined ? [] : [toStreamRoute(procedure, stream)];
  });
}

function toStreamRoute(
  { path: procedure, meta, fields, call }: ListedProcedure,
  stream: StreamOperation,
): StreamRoute {
  const { names: inPath, url } = parsePath(stream.path);
  const parsers = toQueryParsers(fields, (name) => !inPath.has(name));
  return {
    id: meta.id,
    procedure,
    scopes: meta.scopes,
    fields,
    url,
    operation: stream,
    toInput: ({ parameters, query, lastEventId }) => ({
      ...parseQuery(query, parsers),
      ...(lastEventId !== undefined && lastEventId !== '' && { lastEventId }), // later than the one in the URL, which a browser repeats
      ...parameters,
    }),
    open: (context, input) => call(context, input) as Promise<StreamItems<Item>>, // what `readStream` makes
  };
}
