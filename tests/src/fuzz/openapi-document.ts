// The API's own document, read as a stranger would: which operation a request asks for, what it may send and what it may hear.

import { readFileSync } from 'node:fs';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';

export type Schema = Readonly<Record<string, unknown>>;

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly schema: Schema;
}

export interface Operation {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly parameters: readonly Parameter[];
  /** Of its body; undefined for one that takes none. */
  readonly body: Schema | undefined;
  readonly needsBody: boolean;
  /** Any of these suffices. */
  readonly scopes: readonly string[];
  readonly isStream: boolean;
  /** The schemas of its answers, by status and content type. */
  readonly answers: Readonly<Record<string, Readonly<Record<string, Schema>>>>;
}

export interface ApiDocument {
  readonly operations: readonly Operation[];
  /** By method and path of a request, whose path is not decoded. */
  find(
    method: string,
    path: string,
  ): { operation: Operation; segments: Readonly<Record<string, string>> } | undefined;
  /** What is wrong with the value; undefined where nothing is. */
  check(schema: Schema, value: unknown): string | undefined;
}

const methods = ['get', 'post', 'put', 'patch', 'delete'];

/** Of an OpenAPI document what is read here. */
interface RawDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, RawOperation>>>>;
  readonly components: { readonly responses: Readonly<Record<string, RawResponse>> };
}

interface RawOperation {
  readonly operationId: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly required?: boolean } & RawResponse;
  readonly responses: Readonly<Record<string, RawResponse & { readonly $ref?: string }>>;
  readonly security: readonly { readonly bearerAuth: readonly string[] }[];
}

interface RawResponse {
  readonly content?: Readonly<Record<string, { readonly schema: Schema }>>;
}

/** Of the document in the repository, which `pnpm check` holds against the code. */
export const operationIds: readonly string[] = Object.values(
  (
    JSON.parse(
      readFileSync(new URL('../../../docs/openapi.json', import.meta.url), 'utf8'),
    ) as RawDocument
  ).paths,
).flatMap((item) => methods.flatMap((method) => item[method]?.operationId ?? []));

export async function readDocument(url: string): Promise<ApiDocument> {
  const json = (await (await fetch(`${url}/openapi.json`)).json()) as RawDocument;
  const ajv = formats.default(
    new Ajv2020({ strict: false, allErrors: false, unicodeRegExp: true }),
  ) as Ajv2020;
  ajv.addSchema(json, 'api');
  const compiled = new Map<Schema, ValidateFunction>();
  const operations = Object.entries(json.paths).flatMap(([path, item]) =>
    methods.flatMap((method) => {
      const given = item[method];
      return given === undefined ? [] : [toOperation(json, { method, path, given })];
    }),
  );
  const patterns = operations.map((operation) => ({
    operation,
    pattern: new RegExp(`^${operation.path.replaceAll(/\{(\w+)\}/g, '(?<$1>[^/]+)')}$`),
  }));
  return {
    operations,
    find(method, path) {
      for (const { operation, pattern } of patterns) {
        const match = pattern.exec(path);
        if (match !== null && operation.method === method)
          return { operation, segments: { ...match.groups } };
      }
      return undefined;
    },
    check(schema, value) {
      const validate = compiled.get(schema) ?? ajv.compile(absolute(schema));
      compiled.set(schema, validate);
      return validate(value) ? undefined : ajv.errorsText(validate.errors);
    },
  };
}

function toOperation(
  { components }: RawDocument,
  { method, path, given }: { method: string; path: string; given: RawOperation },
): Operation {
  const { requestBody, responses, security } = given;
  const answers = Object.fromEntries(
    Object.entries(responses).map(([status, { $ref, content }]) => {
      const shared = components.responses[$ref?.replace(/^.*\//, '') ?? ''];
      const types = Object.entries(content ?? shared?.content ?? {});
      return [status, Object.fromEntries(types.map(([type, { schema }]) => [type, schema]))];
    }),
  );
  return {
    id: given.operationId,
    method: method.toUpperCase(),
    path,
    parameters: given.parameters ?? [],
    body: requestBody?.content?.['application/json']?.schema,
    needsBody: requestBody?.required === true,
    scopes: security.flatMap(({ bearerAuth }) => bearerAuth),
    isStream: answers['200']?.['text/event-stream'] !== undefined,
    answers,
  };
}

/** References lead into the document. */
function absolute(schema: Schema): Schema {
  return JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"api#/')) as Schema;
}
