// Where each procedure stands in REST and how its path and query become the procedure's input.

import { z } from 'zod';
import type { Scope } from '../auth/principal.ts';
import type { AppRouter } from '../procedures/app-router.ts';
import type { Meta } from '../procedures/operation.ts';
import { checkQuery, type Query } from './query.ts';

export interface RestOperation {
  readonly id: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** `/containers/{name}/status` */
  readonly path: string;
  /** The same as Fastify spells it: `/containers/:name/status` */
  readonly url: string;
  readonly meta: RestMeta;
  readonly scope: Scope;
  readonly takesInput: boolean;
  /** The inputs that stand in the path, and nowhere else. */
  readonly inPath: ReadonlySet<string>;
  /** The output's field that `Accept: text/plain` asks for bare. */
  readonly textField: string | undefined;
  /** A path for trpc-to-openapi, of decoded parameters. */
  toPath(parameters: Readonly<Record<string, string>>): string;
  /** Query values with integers as numbers, each in a list, as trpc-to-openapi takes them. Throws what `checkQuery` throws. */
  toQuery(query: Query): Record<string, unknown[]>;
}

export function toRestOperations(router: AppRouter): RestOperation[] {
  return Object.values(router._def.procedures)
    .flatMap(toLeaves)
    .flatMap((leaf) => {
      const { openapi, ...meta } = leaf._def.meta as Meta; // the base procedures give every procedure one
      return openapi === undefined ? [] : [toRestOperation(leaf, { ...meta, openapi })];
    });
}

type RestMeta = Meta & Required<Pick<Meta, 'openapi'>>;

interface Leaf {
  readonly _def: { readonly meta?: unknown; readonly inputs: readonly unknown[] };
}

/** A router's record nests routers as plain objects. */
function toLeaves(node: unknown): Leaf[] {
  if (isLeaf(node)) return [node];
  return Object.values(node as Record<string, unknown>).flatMap(toLeaves); // a record or a procedure, nothing else
}

function isLeaf(node: unknown): node is Leaf {
  return typeof node === 'function' && '_def' in node;
}

function toRestOperation({ _def }: Leaf, meta: RestMeta): RestOperation {
  const { operationId, method, path } = meta.openapi;
  const fields = inputFields(_def.inputs);
  const inPath = new Set([...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name));
  const inQuery = new Set(
    method === 'GET' ? Object.keys(fields).filter((name) => !inPath.has(name)) : [],
  );
  const integers = new Set(Object.keys(fields).filter((name) => isInteger(fields[name])));
  return {
    id: operationId,
    method,
    path,
    url: path.replaceAll(/\{(\w+)\}/g, ':$1'),
    meta,
    scope: meta.scope,
    inPath,
    takesInput: Object.keys(fields).length > 0,
    textField: meta.textField,
    toPath: (parameters) =>
      path.replaceAll(/\{(\w+)\}/g, (_, name: string) => toSegment(parameters[name] ?? '')),
    toQuery(query) {
      checkQuery(query, inQuery);
      return Object.fromEntries(
        Object.entries(query).map(([name, value]) => {
          const text = String(value);
          return [name, [integers.has(name) ? toInteger(text) : text]];
        }),
      );
    },
  };
}

/** Names that are valid need no encoding. The parser of URLs resolves dot segments, encoded too, so those go doubly encoded, to be refused as names. */
function toSegment(value: string): string {
  return /^\.{1,2}$/.test(value) ? value.replaceAll('.', '%252e') : encodeURIComponent(value);
}

/** Plain decimal integers only; `1e3`, `0x10`, ` 5` and the like stay text, which the schema then refuses. */
function toInteger(text: string): number | string {
  return /^-?\d{1,15}$/.test(text) ? Number(text) : text;
}

function inputFields(inputs: readonly unknown[]): Record<string, z.core.$ZodType> {
  const [schema] = inputs;
  const inner = schema instanceof z.ZodOptional ? schema.unwrap() : schema;
  return inner instanceof z.ZodObject ? inner.shape : {};
}

function isInteger(schema: z.core.$ZodType | undefined): boolean {
  if (schema === undefined) return false;
  const { type } = z.toJSONSchema(schema, { io: 'input' });
  return type === 'integer' || type === 'number';
}
