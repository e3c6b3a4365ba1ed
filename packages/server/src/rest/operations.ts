// Where each procedure stands in REST and how a request becomes the procedure's input.

import type { AnyScope } from '../auth/principal.ts';
import { badInput, badPart, unknownKey } from '../http/bad-input.ts';
import type { AppRouter } from '../procedures/app-router.ts';
import type { Meta } from '../procedures/operation-metadata.ts';
import { type ListedProcedure, listProcedures, parsePath } from '../procedures/procedure-list.ts';
import { parseQuery, type Query, toQueryParsers } from './query.ts';

export interface RestOperation {
  readonly id: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** `/containers/{name}/status` */
  readonly path: string;
  /** The same as Fastify spells it: `/containers/:name/status` */
  readonly url: string;
  readonly meta: RestMeta;
  readonly scopes: AnyScope;
  /** The output's field that `Accept: text/plain` asks for bare. */
  readonly textField: string | undefined;
  /** Throws `BAD_REQUEST` with `details.issues` for what is no part of this operation; values are left to the procedure's own schema. */
  toInput(request: RestRequest): unknown;
  readonly call: ListedProcedure['call'];
}

export interface RestRequest {
  readonly parameters: Readonly<Record<string, string>>;
  readonly query: Query;
  /** Parsed; undefined where there is none. */
  readonly body: unknown;
}

export function toRestOperations(router: AppRouter): RestOperation[] {
  return listProcedures(router).flatMap((procedure) => {
    const { openapi, ...meta } = procedure.meta;
    return openapi === undefined ? [] : [toRestOperation(procedure, { ...meta, openapi })];
  });
}

type RestMeta = Meta & Required<Pick<Meta, 'openapi'>>;

function toRestOperation({ fields, call }: ListedProcedure, meta: RestMeta): RestOperation {
  const { operationId, method, path } = meta.openapi;
  const { names: inPath, url } = parsePath(path);
  const isInQuery = (name: string) => method === 'GET' && !inPath.has(name);
  const parsers = toQueryParsers(fields, isInQuery);
  const takesInput = Object.keys(fields).length > 0;
  return {
    id: operationId,
    method,
    path,
    url,
    meta,
    scopes: meta.scopes,
    textField: meta.textField,
    toInput({ parameters, query, body }) {
      const asked = parseQuery(query, parsers);
      const sent = toBody(body, { takesInput, inPath });
      return takesInput ? { ...asked, ...sent, ...parameters } : undefined;
    },
    call,
  };
}

/** No body, an empty one and `{}` are the same. What stands in the path is refused beside it, rather than passed over. */
function toBody(
  body: unknown,
  { takesInput, inPath }: { readonly takesInput: boolean; readonly inPath: ReadonlySet<string> },
): object {
  const given = body ?? {};
  if (typeof given !== 'object' || Array.isArray(given))
    throw badPart('body', 'The body must be a JSON object, {} or nothing');
  const names = Object.keys(given);
  if (!takesInput && names.length > 0)
    throw badPart('body', 'This takes no body: send {} or nothing');
  const misplaced = names.filter((name) => inPath.has(name));
  if (misplaced.length > 0) throw badInput(misplaced.map(unknownKey));
  return given;
}
