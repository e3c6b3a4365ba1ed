// One tRPC request: a call or a batch, of the procedures behind the document's operations.

import * as fc from 'fast-check';
import { type OddAuthorization, oddAuthorization } from './authorization.ts';
import {
  cursor,
  encode,
  headerText,
  hostileText,
  jsonValue,
  numberSpelling,
  oddJson,
  rawSegment,
  sampleOf,
} from './hostile.ts';
import type { ApiDocument, Operation, Schema } from './openapi-document.ts';
import type { RawRequest } from './raw-http.ts';
import {
  type Caller,
  caller,
  isPrefix,
  type TokensByScope,
  toCredentials,
  type Validity,
} from './rest-case.ts';

export interface Call {
  readonly procedure: string;
  /** JSON, or what claims to be; undefined for none. */
  readonly input: string | undefined;
}

export interface TrpcCase {
  readonly method: string;
  readonly calls: readonly Call[];
  readonly isBatch: boolean;
  /** In place of what the calls give. */
  readonly oddInput: string | undefined;
  readonly query: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly caller: Caller;
  readonly authorization: OddAuthorization;
}

export function trpcCase(
  operation: Operation,
  others: readonly Operation[],
): fc.Arbitrary<TrpcCase> {
  const usualMethod = operation.method === 'GET' ? 'GET' : 'POST';
  const other = fc.constantFrom(
    ...others.filter((each) => (each.method === 'GET') === (usualMethod === 'GET')),
  );
  const call = callOf(operation);
  return fc.record({
    method: fc.oneof(
      { weight: 10, arbitrary: fc.constant(usualMethod) },
      { weight: 1, arbitrary: fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'PATCH') },
    ),
    calls: fc.oneof(
      { weight: 4, arbitrary: call.map((each) => [each]) },
      {
        weight: 1,
        arbitrary: fc
          .tuple(call, fc.array(other.chain(callOf), { maxLength: 3 }))
          .map(([first, more]) => [first, ...more]),
      },
    ),
    isBatch: fc.oneof(
      { weight: 3, arbitrary: fc.constant(false) },
      { weight: 1, arbitrary: fc.constant(true) },
    ),
    oddInput: fc.oneof(
      { weight: 8, arbitrary: fc.constant(undefined) },
      { weight: 1, arbitrary: oddJson.filter((text) => text.length < 9000) },
    ),
    query: fc.oneof(
      { weight: 10, arbitrary: fc.constant('') },
      {
        weight: 1,
        arbitrary: fc.constantFrom(
          'batch=1',
          'batch=2',
          'batch',
          'batch=1&batch=0',
          'input=%7B%7D',
          'input=%',
          'lastEventId=1',
          'lastEventId=%ff',
          'connectionParams=1',
          'connectionParams=%7B%7D',
          'x=1',
          '__proto__=1',
          '%',
          '#x',
        ),
      },
    ),
    headers: fc.oneof(
      {
        weight: 10,
        arbitrary: fc.constant<[string, string][]>([['content-type', 'application/json']]),
      },
      {
        weight: operation.isStream ? 6 : 1,
        arbitrary: fc.oneof(cursor, headerText).map((value): [string, string][] => [
          ['content-type', 'application/json'],
          ['last-event-id', value],
        ]),
      },
      {
        weight: 2,
        arbitrary: fc.constantFrom<[string, string][]>(
          [],
          [['content-type', 'text/plain']],
          [['content-type', 'application/octet-stream']],
          [['content-type', 'application/x-www-form-urlencoded']],
          [['content-type', 'multipart/form-data; boundary=x']],
          [['content-type', '']],
          [
            ['content-type', 'application/json'],
            ['trpc-accept', 'application/jsonl'],
          ],
          [
            ['content-type', 'application/json'],
            ['accept', 'application/jsonl'],
          ],
          [
            ['content-type', 'application/json'],
            ['accept', 'text/event-stream'],
          ],
          [
            ['content-type', 'application/json'],
            ['prefer', 'wait=0, respond-async'],
            ['last-event-id', '%'],
          ],
        ),
      },
    ),
    caller: caller(operation),
    authorization: oddAuthorization,
  });
}

export function toTrpcRequest(given: TrpcCase, tokens: TokensByScope): RawRequest {
  const { method, calls, isBatch, oddInput, query } = given;
  const path = `/trpc/${calls.map(({ procedure }) => procedure).join(',')}`;
  const input = oddInput ?? toInput(calls, isBatch);
  const isInQuery = method !== 'POST';
  const search = [
    isBatch && 'batch=1',
    isInQuery && input !== undefined && `input=${encode(input)}`,
    query,
  ].filter(Boolean);
  return {
    method,
    target: search.length === 0 ? path : `${path}?${search.join('&')}`,
    headers: [...given.headers, ...toCredentials(given, tokens)],
    body: isInQuery || input === undefined ? undefined : Buffer.from(input),
  };
}

/** Of one call, by the document. */
export function judgeCall({ input }: Call, operation: Operation, document: ApiDocument): Validity {
  const schema = inputSchema(operation);
  if (Object.keys(schema.properties).length === 0 && input !== undefined) return 'unknown'; // REST takes {}, tRPC nothing
  if (input === undefined) return schema.required.length > 0 ? 'invalid' : 'valid';
  if (/^\s*$|^\ufeff/.test(input)) return 'unknown'; // none, or what not everybody reads
  let value: unknown;
  try {
    value = JSON.parse(input);
  } catch {
    return 'invalid';
  }
  if (value === null) return 'unknown';
  if (/"(?:__proto__|constructor)"/.test(input)) return 'invalid';
  const { name } = Object(value) as { readonly name?: unknown };
  if (isPrefix('name', name)) return 'unknown';
  const isFree = ['since', 'lastEventId'].some((key) => Object.hasOwn(Object(value), key));
  // What one procedure takes beside REST's: how long to wait.
  if (['async', 'waitSeconds'].some((key) => Object.hasOwn(Object(value), key))) return 'unknown';
  if (document.check(schema, value) !== undefined) return 'invalid';
  return isFree ? 'unknown' : 'valid';
}

type InputSchema = Schema & {
  readonly properties: Readonly<Record<string, Schema>>;
  readonly required: readonly string[];
};

const schemas = new Map<Operation, InputSchema>();

/** One object of all that REST takes in its path, query and body. */
function inputSchema(operation: Operation): InputSchema {
  const known = schemas.get(operation);
  if (known !== undefined) return known;
  const parameters = operation.parameters.filter((each) => each.in !== 'header');
  const body = (operation.body ?? {}) as {
    readonly properties?: Record<string, Schema>;
    readonly required?: readonly string[];
  };
  const schema = {
    type: 'object',
    properties: {
      ...Object.fromEntries(parameters.map((each) => [each.name, each.schema])),
      ...body.properties,
    },
    required: [
      ...parameters.filter((each) => each.in === 'path').map((each) => each.name),
      ...(body.required ?? []),
    ],
    additionalProperties: false,
  };
  schemas.set(operation, schema);
  return schema;
}

function callOf(operation: Operation): fc.Arbitrary<Call> {
  const { properties, required } = inputSchema(operation);
  const names = Object.entries(properties);
  const none = fc.constant<string | undefined>(undefined);
  const valid =
    names.length === 0
      ? none
      : fc
          .record(
            Object.fromEntries(names.map(([name, schema]) => [name, sampleOf(name, schema)])),
            { requiredKeys: [...required] },
          )
          .map((value) => JSON.stringify(value));
  const nearly = fc
    .record(
      Object.fromEntries(
        [...names, ['name', {}] as const, ['__proto__', {}] as const, ['x', {}] as const].map(
          ([name, schema]) => [
            name,
            fc.oneof(sampleOf(name, schema), jsonValue, hostileText) as fc.Arbitrary<unknown>,
          ],
        ),
      ),
      { requiredKeys: [] },
    )
    .map((value) => JSON.stringify(value));
  const numbers = names.flatMap(([name, { type }]) => (type === 'integer' ? [name] : []));
  const spelt = fc.tuple(fc.constantFrom(...numbers, 'x'), numberSpelling).map(([name, number]) => {
    const others = required.filter((each) => each !== name).map((each) => `"${each}":"nginx",`);
    return `{${others.join('')}"${name}":${number}}`;
  });
  const usual = operation.id.replace('_', '.');
  return fc.record({
    procedure: fc.oneof(
      { weight: 15, arbitrary: fc.constant(usual) },
      {
        weight: 1,
        arbitrary: fc.oneof(
          fc.constantFrom(
            usual.replace('.', '/'),
            usual.toUpperCase(),
            usual.replace('.', '%2E'),
            usual.replace('.', '%252E'),
            `${usual}.`,
            `.${usual}`,
            `${usual},`,
            ',',
            '__proto__',
            'constructor',
            '_def',
            'toString',
            'vm',
          ),
          rawSegment.filter((text) => text.length < 4000),
        ),
      },
    ),
    input: fc.oneof(
      { weight: 8, arbitrary: valid },
      { weight: 4, arbitrary: nearly },
      { weight: 1, arbitrary: none },
      { weight: numbers.length > 0 ? 3 : 0, arbitrary: spelt },
      { weight: 1, arbitrary: jsonValue.map((value) => JSON.stringify(value)) },
      { weight: 1, arbitrary: oddJson.filter((text) => text.length < 9000) },
    ),
  });
}

function toInput(calls: readonly Call[], isBatch: boolean): string | undefined {
  if (!isBatch) return calls[0]?.input;
  const members = calls.flatMap(({ input }, index) =>
    input === undefined ? [] : [`"${index}":${input}`],
  );
  return `{${members.join(',')}}`;
}
