// Reads a query string by the operation's own schema, and rejects unknown keys, so that a misspelt one is reported.

import { z } from 'zod';
import { badInput, unknownKey } from '../http/bad-input.ts';

/** As Fastify's default parser gives it. */
export type Query = Readonly<Record<string, string | string[]>>;

/** What each key's text stands for. */
export type QueryParsers = ReadonlyMap<string, (text: string) => unknown>;

/** For those of the fields that stand in the query. */
export function toQueryParsers(
  fields: Readonly<Record<string, z.core.$ZodType>>,
  isInQuery: (name: string) => boolean,
): QueryParsers {
  return new Map(
    Object.entries(fields)
      .filter(([name]) => isInQuery(name))
      .map(([name, schema]) => [name, toParser(schema)]),
  );
}

/** The values by name. Throws `BAD_REQUEST` with an issue for each key that has no parser, or is there twice. */
export function parseQuery(query: Query, parsers: QueryParsers): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  const issues = Object.entries(query).flatMap(([path, text]) => {
    const parse = parsers.get(path);
    if (parse === undefined) return [unknownKey(path)];
    if (Array.isArray(text)) return [{ path, message: 'is given more than once' }];
    values[path] = parse(text);
    return [];
  });
  if (issues.length > 0) throw badInput(issues);
  return values;
}

/** Plain decimal numbers, `true` and `false` (Docker's `1` and `0` too), where the schema takes such; anything else (`1e3`, `0x10`, ` 5`) stays text, which the schema then judges. */
function toParser(schema: z.core.$ZodType): (text: string) => unknown {
  let types: Set<unknown> | undefined;
  return (text) => {
    types ??= toTypes(z.toJSONSchema(schema, { io: 'input' })); // only once it is asked for: a start has hundreds of them
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
