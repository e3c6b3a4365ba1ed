// One REST request of an operation, and what has to become of it by the document alone.

import * as fc from 'fast-check';
import { type OddAuthorization, oddAuthorization, toAuthorization } from './authorization.ts';
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
import type { ApiDocument, Operation, Parameter, Schema } from './openapi-document.ts';
import type { RawRequest } from './raw-http.ts';

export type Caller = 'read' | 'wake' | 'admin' | 'nobody' | 'garbage';

export interface RestCase {
  readonly method: string;
  readonly path: string;
  /** As they go out. */
  readonly query: readonly (readonly [key: string, value: string])[];
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string | undefined;
  readonly caller: Caller;
  /** Of the caller `garbage`. */
  readonly authorization: OddAuthorization;
}

const rarely = <T>(usual: fc.Arbitrary<T>, odd: fc.Arbitrary<T>, weight = 1): fc.Arbitrary<T> =>
  fc.oneof({ weight: 12, arbitrary: usual }, { weight: weight * 2, arbitrary: odd });

export function restCase(operation: Operation): fc.Arbitrary<RestCase> {
  const inPath = operation.parameters.filter((each) => each.in === 'path');
  return fc.record({
    method: rarely(fc.constant(operation.method), oddMethod),
    path: fc
      .tuple(...inPath.map(pathSegment))
      .map((segments) =>
        inPath.reduce(
          (path, { name }, index) => path.replace(`{${name}}`, () => String(segments[index])),
          operation.path,
        ),
      )
      .chain((path) => rarely(fc.constant(path), oddPath(path), 0.5)),
    query: query(operation),
    headers: headers(operation),
    body: body(operation),
    caller: caller(operation),
    authorization: oddAuthorization,
  });
}

export type TokensByScope = Readonly<Record<'read' | 'wake' | 'admin', string>>;

export function toRequest(
  { method, path, query, headers, body, ...from }: RestCase,
  tokens: TokensByScope,
): RawRequest {
  const search = query.map(([key, value]) => `${key}=${value}`).join('&');
  return {
    method,
    target: search === '' ? path : `${path}?${search}`,
    headers: [...headers, ...toCredentials(from, tokens)],
    body: body === undefined ? undefined : Buffer.from(body),
  };
}

export function toCredentials(
  { caller, authorization }: Pick<RestCase, 'caller' | 'authorization'>,
  tokens: TokensByScope,
): [string, string][] {
  if (caller === 'nobody') return [];
  const value =
    caller === 'garbage'
      ? toAuthorization(authorization, tokens.admin)
      : `Bearer ${tokens[caller]}`;
  return [['authorization', value]];
}

export type Asked = NonNullable<ReturnType<ApiDocument['find']>>;

export interface Target {
  readonly target: {
    readonly path: string;
    readonly query: string;
    readonly hasFragment: boolean;
  };
}

/** Whole URLs, too, as clients of proxies send them; a fragment has no business there, but may be left out. */
export function splitTarget(target: string): Target['target'] {
  const [, path = '', query = ''] =
    /^(?:https?:\/\/[^/?#]*)?([^?#]*)(?:\?([^#]*))?/is.exec(target) ?? [];
  return { path, query, hasFragment: target.includes('#') };
}

/** By the document: `unknown` where it does not say. */
export type Validity = 'valid' | 'invalid' | 'unknown';

export function judgeInput(
  { target, headers, body }: Pick<RestCase, 'headers' | 'body'> & Target,
  { operation, segments }: Asked,
  document: ApiDocument,
): Validity {
  const verdicts: Validity[] = target.hasFragment ? ['unknown'] : [];
  const named = (where: Parameter['in'], name: string) =>
    operation.parameters.find((each) => each.in === where && each.name === name);
  for (const [name, raw] of Object.entries(segments)) {
    const parameter = named('path', name);
    const value = decode(raw);
    if (value === undefined || parameter === undefined) verdicts.push('invalid');
    else if (isPrefix(name, value)) verdicts.push('unknown');
    else verdicts.push(toVerdict(document.check(parameter.schema, value)));
  }
  const keys = new Set<string>();
  for (const pair of target.query.split('&')) {
    const [rawKey = '', ...rest] = pair.split('=');
    const rawValue = rest.join('=');
    const key = decode(rawKey.replaceAll('+', ' '));
    const text = decode(rawValue.replaceAll('+', ' '));
    if (key === undefined || text === undefined) {
      verdicts.push('unknown'); // what a badly escaped one is, nobody says
      continue;
    }
    if (pair === '') continue;
    if (key === '' || (key === 'lastEventId' && hasHeader(headers, 'last-event-id'))) {
      verdicts.push('unknown'); // the header wins over the query
      continue;
    }
    const parameter = named('query', key);
    if (parameter === undefined || keys.has(key)) verdicts.push('invalid');
    else verdicts.push(judgeText(parameter, text, document));
    keys.add(key);
  }
  for (const [name, value] of headers) {
    const parameter = operation.parameters.find(
      (each) => each.in === 'header' && each.name.toLowerCase() === name.toLowerCase(),
    );
    if (parameter !== undefined) verdicts.push(judgeText(parameter, value, document));
  }
  if (operation.body !== undefined)
    verdicts.push(judgeBody(operation, { headers, body }, document));
  else if (operation.method !== 'GET' && body !== undefined) verdicts.push('unknown');
  if (verdicts.includes('invalid')) return 'invalid';
  return verdicts.includes('unknown') ? 'unknown' : 'valid';
}

/** Several ids may begin so, which is refused as well. */
export function isPrefix(name: string, value: unknown): boolean {
  return name === 'name' && typeof value === 'string' && /^[0-9a-f]{1,8}$/.test(value);
}

function hasHeader(headers: RestCase['headers'], wanted: string): boolean {
  return headers.some(([name, value]) => name.toLowerCase() === wanted && value !== '');
}

function judgeText({ name, schema }: Parameter, text: string, document: ApiDocument): Validity {
  if (/event-?id/i.test(name))
    return document.check(schema, text) === undefined ? 'unknown' : 'invalid';
  if (name === 'since') return 'unknown';
  if (document.check(schema, toValue(schema, text)) !== undefined) return 'invalid';
  return 'valid';
}

/** As anybody would write such a value. */
function toValue(schema: Schema, text: string): unknown {
  const types = [schema, ...((schema.anyOf as readonly Schema[]) ?? [])].map(({ type }) => type);
  if (types.includes('boolean') && /^(?:true|false|0|1)$/.test(text))
    return text === 'true' || text === '1';
  if (types.includes('integer') && /^-?\d{1,15}$/.test(text)) return Number(text);
  return text;
}

function judgeBody(
  { body: schema = {}, needsBody }: Operation,
  { headers, body }: Pick<RestCase, 'headers' | 'body'>,
  document: ApiDocument,
): Validity {
  const types = headers.filter(([name]) => name.toLowerCase() === 'content-type');
  if (body === undefined || body.trim() === '')
    return needsBody ? 'invalid' : body && types.length > 0 ? 'unknown' : 'valid';
  const [type] = types;
  if (types.length !== 1 || !/^application\/json(?:; *charset=utf-8)?$/i.test(type?.[1] ?? ''))
    return /^application\/json/i.test(type?.[1] ?? '') ? 'unknown' : 'invalid';
  const text = Buffer.from(body).toString();
  try {
    const value: unknown = JSON.parse(text);
    if (/"(?:__proto__|constructor)"/.test(text)) return 'unknown';
    if (value === null) return 'unknown';
    return toVerdict(document.check(schema, value));
  } catch {
    return text.startsWith('\ufeff') ? 'unknown' : 'invalid';
  }
}

function toVerdict(problem: string | undefined): Validity {
  return problem === undefined ? 'valid' : 'invalid';
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

const oddMethod = fc.constantFrom(
  ...['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'TRACE', 'QUERY', 'PROPFIND'],
  ...['get', 'FOO', 'CONNECT'],
);

function pathSegment({ name, schema }: Parameter): fc.Arbitrary<string> {
  const usual = sampleOf(name, schema).map((value) => encode(String(value)));
  return fc.oneof({ weight: 6, arbitrary: usual }, { weight: 4, arbitrary: rawSegment });
}

function oddPath(path: string): fc.Arbitrary<string> {
  return fc.constantFrom(
    `${path}/`,
    `/${path}`,
    `.${path}`,
    `${path}/..`,
    `/x/..${path}`,
    path.toUpperCase(),
    path.replace('/', '/%2e/'),
    path.replace('/', '\\'),
    `http://127.0.0.1${path}`,
    `http://user:pass@other.example${path}`,
    `ftp://other.example${path}`,
    `//other.example${path}`,
    `${path};a=b`,
    `${path}%20`,
    `${path}%00`,
    `${path}.json`,
    `${path}#x`,
    `${path}/${'a'.repeat(9000)}`,
    path.replace(/[a-z]/, (letter) => `%${letter.charCodeAt(0).toString(16)}`),
    '*',
    '',
    '/',
    '?',
  );
}

function query({ parameters }: Operation): fc.Arbitrary<[string, string][]> {
  const own = parameters.filter((each) => each.in === 'query');
  const pairs = own.map(({ name, schema }) =>
    fc.oneof(
      {
        weight: 8,
        arbitrary: sampleOf(name, schema).map((value): [string, string][] => [
          [name, encode(String(value))],
        ]),
      },
      { weight: 10, arbitrary: fc.constant<[string, string][]>([]) },
      {
        weight: 4,
        arbitrary: fc
          .oneof(numberSpelling.map(encode), hostileText.map(encode), rawSegment)
          .map((value): [string, string][] => [[name, value.replaceAll(/[#&]/g, '')]]),
      },
      {
        weight: 1,
        arbitrary: sampleOf(name, schema).map((value): [string, string][] => [
          [name, encode(String(value))],
          [name, encode(String(value))],
        ]),
      },
      {
        weight: 1,
        arbitrary: fc
          .constantFrom(`${name}[]`, `${name}[0]`, `${name}.x`, ` ${name}`, name.toUpperCase())
          .map((key): [string, string][] => [[encode(key), '5']]),
      },
    ),
  );
  const unknown = fc.oneof(
    { weight: 24, arbitrary: fc.constant<[string, string][]>([]) },
    {
      weight: 2,
      arbitrary: fc
        .tuple(
          fc.oneof(
            fc.constantFrom(
              'x',
              '__proto__',
              'constructor',
              'toString',
              'a[]',
              'name',
              'id',
              '%',
              '',
            ),
            rawSegment.map((text) => text.replaceAll(/[#&=]/g, '')),
          ),
          rawSegment.map((text) => text.replaceAll(/[#&]/g, '')),
        )
        .map((pair): [string, string][] => [pair]),
    },
  );
  return fc.tuple(...pairs, unknown).map((lists) => lists.flat());
}

function header(name: string, values: fc.Arbitrary<string>, weight = 1) {
  return rarely(
    fc.constant<[string, string][]>([]),
    values.map((value): [string, string][] => [[name, value]]),
    weight,
  );
}

function headers(operation: Operation): fc.Arbitrary<[string, string][]> {
  const contentType = fc.oneof(
    {
      weight: 12,
      arbitrary: fc.constantFrom<[string, string][]>(
        operation.body === undefined ? [] : [['content-type', 'application/json']],
      ),
    },
    {
      weight: 4,
      arbitrary: fc
        .constantFrom(
          'application/json; charset=utf-8',
          'application/json;charset=utf-16',
          'APPLICATION/JSON',
          'application/json, text/plain',
          'application/vnd.api+json',
          'application/x-www-form-urlencoded',
          'multipart/form-data',
          'multipart/form-data; boundary=x',
          'text/plain',
          'text/html',
          'json',
          '',
          ';',
          '/',
          'application/json; charset="',
        )
        .map((value): [string, string][] => [['content-type', value]]),
    },
    { weight: 2, arbitrary: fc.constant<[string, string][]>([]) },
    {
      weight: 1,
      arbitrary: fc.oneof(
        headerText.map((value): [string, string][] => [['content-type', value]]),
        fc.constant<[string, string][]>([
          ['content-type', 'application/json'],
          ['content-type', 'text/plain'],
        ]),
      ),
    },
  );
  const accept = header(
    'accept',
    fc.oneof(
      fc.constantFrom(
        'text/plain',
        'text/*',
        '*/*',
        'application/json',
        'application/xml',
        'text/event-stream',
        'text/plain;q=0',
        'text/plain;q=2,*/*;q=x',
        ',,,;;;q=',
      ),
      headerText,
    ),
  );
  const prefer = header(
    'prefer',
    fc.oneof(
      fc.constantFrom(
        'respond-async',
        'wait=0',
        'wait=1',
        'wait=-1',
        'wait=1e9',
        'wait=999999999999',
        'wait="1"',
        'wait',
        'wait=',
        'wait=1, wait=2',
        'respond-async; wait=0',
        '"',
        '=',
      ),
      headerText,
    ),
    operation.id.startsWith('vm_wake') ? 6 : 1,
  );
  const lastEventId = header(
    'last-event-id',
    fc.oneof(cursor, headerText),
    operation.isStream ? 6 : 0.5,
  );
  const other = header(
    'x-request-id',
    fc.oneof(fc.constantFrom('req-1', 'a b', 'x'.repeat(129), '<script>', '../'), headerText),
  );
  const odd = rarely(
    fc.constant<[string, string][]>([]),
    fc.constantFrom<[string, string][]>(
      [['x-http-method-override', 'DELETE']],
      [['x-forwarded-for', '127.0.0.1, ::1, garbage']],
      [['forwarded', 'for="[::1]";proto=x']],
      [['origin', 'https://evil.example']],
      [['accept-encoding', 'gzip, br, zstd']],
      [['content-encoding', 'gzip']],
      [['if-none-match', '*']],
      [['range', 'bytes=0-1']],
      [['upgrade', 'websocket']],
      [['cookie', '__proto__=1; a=b']],
      [['trpc-accept', 'application/jsonl']],
      [['expect', '100-continue']],
      [['te', 'trailers']],
    ),
  );
  return fc.tuple(contentType, accept, prefer, lastEventId, other, odd).map((all) => all.flat());
}

function body(operation: Operation): fc.Arbitrary<string | undefined> {
  const { body: schema } = operation;
  if (schema === undefined)
    return rarely<string | undefined>(fc.constant(undefined), fc.oneof(fc.constant('{}'), oddJson));
  const properties = Object.entries((schema.properties ?? {}) as Record<string, Schema>);
  const valid = fc
    .record(Object.fromEntries(properties.map(([name, each]) => [name, sampleOf(name, each)])), {
      requiredKeys: (schema.required ?? []) as string[],
    })
    .map((value) => JSON.stringify(value));
  const nearly = fc
    .record(
      Object.fromEntries(
        properties.map(([name, each]) => [name, fc.oneof(sampleOf(name, each), jsonValue)]),
      ),
      { requiredKeys: [] },
    )
    .map((value) => JSON.stringify(value));
  return fc.oneof(
    { weight: 10, arbitrary: valid },
    { weight: 4, arbitrary: nearly },
    { weight: 4, arbitrary: fc.constantFrom<string | undefined>(undefined, '', '{}', ' \r\n\t') },
    { weight: 2, arbitrary: jsonValue.map((value) => JSON.stringify(value)) },
    { weight: 2, arbitrary: oddJson },
  );
}

export function caller({ scopes }: Operation): fc.Arbitrary<Caller> {
  return fc.oneof(
    { weight: 16, arbitrary: fc.constantFrom(...(scopes as Caller[]), 'admin' as const) },
    { weight: 6, arbitrary: fc.constantFrom<Caller>('read', 'wake', 'nobody', 'garbage') },
  );
}
