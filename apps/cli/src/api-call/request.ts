// Turns what the user typed into one request to the API: never to another origin, nor out of the folder that the API is in.

import { readFile } from 'node:fs/promises';
import { usageError } from '../cli-error.ts';

export interface RawRequest {
  readonly method: string;
  /** From `/` on, with the query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | undefined;
}

export interface Typed {
  readonly method: string;
  readonly path: string;
  readonly header: readonly Pair[];
  readonly field: readonly Pair[];
  readonly data: string | undefined;
  readonly input: string | undefined;
}

export type Pair = readonly [name: string, value: string];

/** Throws usage errors. Reads the file of `--input`, or what `stdin` gives. */
export async function toRawRequest(
  typed: Typed,
  stdin: () => Promise<Buffer>,
): Promise<RawRequest> {
  const method = parseMethod(typed.method);
  const { path, field, header } = typed;
  if (!path.startsWith('/')) throw usageError(`api needs a PATH that begins with /, not '${path}'`);
  const hasBody = method !== 'GET' && method !== 'HEAD';
  const ways = [typed.data, typed.input, field.length > 0 ? field : undefined];
  if (ways.filter((way) => way !== undefined).length > 1) {
    throw usageError('api takes one of --data, --input and --field');
  }
  if (!hasBody && (typed.data ?? typed.input) !== undefined) {
    throw usageError(`${method} carries no body; --field adds to its query`);
  }
  const body = hasBody ? await readBody(typed, stdin) : undefined;
  return {
    method,
    path: hasBody ? path : withQuery(path, field),
    headers: {
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...Object.fromEntries(header),
    },
    body,
  };
}

/** The whole URL. Throws a usage error for a path that leaves the API, such as `/../x` behind a prefix. */
export function toRequestUrl(base: string, path: string): string {
  const root = new URL(base);
  const prefix = root.pathname.replace(/\/+$/, '');
  const url = new URL(`${root.origin}${prefix}${path}`);
  const isInside = url.origin === root.origin && url.pathname.startsWith(`${prefix}/`);
  if (!isInside) throw usageError(`the path '${path}' leads out of the API at ${base}`);
  url.hash = '';
  return url.href;
}

/** `Name: value`; the ones that the connection or the login decide are not the user's to say. */
export function parseHeader(text: string): readonly Pair[] {
  const [, name, value] =
    /^([!#$%&'*+.^`|~\w-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)$/.exec(text) ?? [];
  if (name === undefined || value === undefined) {
    throw usageError(`needs a header such as 'Prefer: respond-async', not '${text}'`);
  }
  if (fixedHeaders.has(name.toLowerCase())) {
    throw usageError(`cannot set ${name}: the login and the connection say it`);
  }
  return [[name.toLowerCase(), value]];
}

const fixedHeaders = new Set([
  'authorization',
  'host',
  'connection',
  'content-length',
  'transfer-encoding',
  'trailer',
  'upgrade',
  'expect',
]);

/** `key=value`. */
export function parseField(text: string): readonly Pair[] {
  const [, key, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  if (key !== undefined && value !== undefined) return [[key, value]];
  throw usageError(`needs key=value, not '${text}'`);
}

function parseMethod(text: string): string {
  const method = text.toUpperCase();
  if (methods.includes(method)) return method;
  throw usageError(`api needs a METHOD, one of ${methods.join(', ')}, not '${text}'`);
}

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

function withQuery(path: string, fields: readonly Pair[]): string {
  if (fields.length === 0) return path;
  const query = new URLSearchParams(fields.map(([key, value]): [string, string] => [key, value]));
  return `${path}${path.includes('?') ? '&' : '?'}${query}`;
}

async function readBody(
  { data, input, field }: Typed,
  stdin: () => Promise<Buffer>,
): Promise<Buffer | undefined> {
  if (data !== undefined) return Buffer.from(checkJson(data));
  if (field.length > 0) {
    const body = Object.fromEntries(field.map(([key, value]) => [key, toLiteral(value)]));
    return Buffer.from(JSON.stringify(body));
  }
  if (input === undefined) return undefined;
  return input === '-' ? stdin() : readInput(input);
}

function checkJson(text: string): string {
  try {
    JSON.parse(text);
    return text;
  } catch {
    throw usageError('--data needs JSON, such as \'{"minutes": 30}\'');
  }
}

/** `true`, `false`, `null` and whole numbers are what they look like, anything else is text. */
function toLiteral(text: string): unknown {
  return /^(?:true|false|null|-?(?:0|[1-9]\d{0,14}))$/.test(text) ? JSON.parse(text) : text;
}

async function readInput(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? ` (${error.code})` : '';
    throw usageError(`--input cannot read ${path}${code}`);
  }
}
