// Where each subscription stands in REST and tRPC, and how a request of either becomes its input.

import { z } from 'zod';
import type { Scope } from '../auth/principal.ts';
import { type AppRouter, appRouter } from '../procedures/app-router.ts';
import type { Context } from '../procedures/base.ts';
import type { Meta, StreamOperation } from '../procedures/operation.ts';
import { checkQuery, type Query } from '../rest/query.ts';
import type { StreamItems } from './interruptible.ts';
import type { Item } from './sse.ts';

export interface StreamRoute {
  readonly id: string;
  /** `containers.followLogs` */
  readonly procedure: string;
  /** As Fastify spells it: `/containers/:name/logs/stream` */
  readonly url: string;
  readonly scope: Scope;
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
  return Object.entries(router._def.procedures as unknown as Procedures).flatMap(
    ([procedure, { _def }]) => {
      const { id, scope, stream } = _def.meta;
      return stream === undefined
        ? []
        : [toStreamRoute({ id, procedure, scope, stream, fields: toFields(_def.inputs) })];
    },
  );
}

/** At runtime tRPC keeps all procedures in one record, by their path; its type nests them. */
type Procedures = Readonly<
  Record<string, { readonly _def: { readonly meta: Meta; readonly inputs: readonly unknown[] } }>
>;

function toFields([schema]: readonly unknown[]): StreamRoute['fields'] {
  const inner = schema instanceof z.ZodOptional ? schema.unwrap() : schema;
  return inner instanceof z.ZodObject ? inner.shape : {};
}

function toStreamRoute({
  stream,
  ...facts
}: Pick<StreamRoute, 'id' | 'procedure' | 'scope' | 'fields'> & {
  readonly stream: StreamOperation;
}): StreamRoute {
  const { fields, procedure } = facts;
  const inPath = new Set([...stream.path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name));
  const parsers = new Map(
    Object.entries(fields)
      .filter(([name]) => !inPath.has(name))
      .map(([name, schema]) => [name, toParser(schema)]),
  );
  const names = new Set(parsers.keys());
  return {
    ...facts,
    url: stream.path.replaceAll(/\{(\w+)\}/g, ':$1'),
    operation: stream,
    toInput({ parameters, query, lastEventId }) {
      checkQuery(query, names);
      const given = Object.entries(query).map(([name, text]) => [
        name,
        parsers.get(name)?.(String(text)),
      ]);
      return {
        ...Object.fromEntries(given),
        ...(lastEventId !== undefined && lastEventId !== '' && { lastEventId }), // later than the one in the URL, which a browser repeats
        ...parameters,
      };
    },
    async open(context, input) {
      const caller: unknown = appRouter.createCaller(context);
      const call = procedure
        .split('.')
        .reduce((node, key) => (node as Record<string, unknown>)[key], caller); // the caller nests as the paths do
      return (call as (input: unknown) => Promise<StreamItems<Item>>)(input); // what `readStream` makes
    },
  };
}

/** Plain decimal numbers, `true` and `false` (Docker's `1` and `0` too), where the schema takes such; anything else stays text, which the schema then judges. */
function toParser(schema: z.core.$ZodType): (text: string) => unknown {
  const types = toTypes(z.toJSONSchema(schema, { io: 'input' }));
  return (text) => {
    if (types.has('boolean') && /^(?:true|false|1|0)$/.test(text))
      return text === 'true' || text === '1';
    const isNumber = types.has('integer') || types.has('number');
    return isNumber && /^-?\d{1,15}$/.test(text) ? Number(text) : text;
  };
}

function toTypes({ type, anyOf = [] }: z.core.JSONSchema.BaseSchema): Set<unknown> {
  return new Set([
    type,
    ...anyOf.flatMap((each) => (typeof each === 'boolean' ? [] : [...toTypes(each)])),
  ]);
}
