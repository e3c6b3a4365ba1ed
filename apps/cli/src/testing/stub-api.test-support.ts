// A real HTTP server that answers in tRPC's envelopes whatever a test tells it to.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { sendStream } from './stub-stream.test-support.ts';

export interface Answer {
  /** Left out: 200, or an error's own. */
  readonly status?: number;
  readonly data?: unknown;
  /** Sent as events instead, then `error` when there is one. */
  readonly stream?: Iterable<unknown> | AsyncIterable<unknown>;
  readonly error?: { readonly code: string; readonly message: string; readonly details?: object };
  /** JSON that is sent as it is, as REST does; scripted by its path. */
  readonly bare?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Answered once this is fulfilled. */
  readonly after?: Promise<unknown>;
  /** Of a proxy before the API: the status and a text of its own. */
  readonly isForeign?: boolean;
}

export interface Call {
  /** Such as `vm.status`. */
  readonly procedure: string;
  readonly method: string;
  readonly input: unknown;
  readonly authorization: string | undefined;
}

/** One answer for every call, or one a call: the last one stays. */
export type Script = Answer | readonly Answer[] | ((input: unknown) => Answer);

export interface StubApi extends AsyncDisposable {
  readonly url: string;
  readonly calls: readonly Call[];
  /** Calls whose client has neither been answered nor left. */
  underWay(): number;
}

/** What has no script answers 404 as the API does. */
export async function startStubApi(scripts: Readonly<Record<string, Script>>): Promise<StubApi> {
  const calls: Call[] = [];
  let underWay = 0;
  const server = createServer((request, response) => {
    underWay += 1;
    response.once('close', () => {
      underWay -= 1;
    });
    readCall(request).then(async (call) => {
      calls.push(call);
      const count = calls.filter(({ procedure }) => procedure === call.procedure).length;
      await send(response, call.procedure, choose(scripts[call.procedure], call.input, count));
    }, response.destroy.bind(response));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // listening on TCP
  return {
    url: `http://127.0.0.1:${port}`,
    calls,
    underWay: () => underWay,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** An error as the API words it. */
export function refusal(
  code: keyof typeof statuses,
  message: string,
  details: object = {},
): Answer {
  return { status: statuses[code], error: { code, message, details } };
}

/** A proxy's own answer, as where the API cannot be reached. */
export function foreign(status: number): Answer {
  return { status, isForeign: true };
}

/** Never answered; the call hangs until its caller leaves. */
export const hanging: Answer = { after: new Promise(() => {}) };

const statuses = {
  BAD_REQUEST: 400,
  UNAUTHORIZED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  CONFLICT: 409,
  PAYLOAD_TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
  TOO_MANY_REQUESTS: 429,
  INTERNAL_ERROR: 500,
  SERVICE_UNAVAILABLE: 503,
} as const;

function choose(script: Script | undefined, input: unknown, count: number): Answer {
  if (script === undefined) return refusal('NOT_FOUND', 'No such procedure');
  if (typeof script === 'function') return script(input);
  if ('length' in script) return script[Math.min(count, script.length) - 1] ?? {};
  return script;
}

async function readCall(request: IncomingMessage): Promise<Call> {
  const url = new URL(request.url ?? '/', 'http://localhost');
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const text = url.searchParams.get('input') ?? Buffer.concat(chunks).toString();
  return {
    procedure: url.pathname.replace('/trpc/', ''),
    method: request.method ?? '',
    input: text === '' ? undefined : JSON.parse(text),
    authorization: request.headers.authorization,
  };
}

async function send(response: ServerResponse, path: string, answer: Answer): Promise<void> {
  const { status, data, stream, error, after, isForeign, bare, headers } = answer;
  await after;
  if (isForeign) {
    response.writeHead(status ?? 200, { 'content-type': 'text/html', ...headers });
    response.end('<h1>proxy</h1>');
    return;
  }
  if (bare !== undefined) {
    response.writeHead(status ?? 200, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify(bare));
    return;
  }
  if (stream !== undefined) {
    await sendStream(response, stream, error && toEnvelope(error, path, status).error);
    return;
  }
  response.writeHead(status ?? 200, {
    'content-type': 'application/json',
    'x-request-id': 'req-1',
  });
  response.end(
    JSON.stringify(error === undefined ? { result: { data } } : toEnvelope(error, path, status)),
  );
}

function toEnvelope(
  { code, message, details }: NonNullable<Answer['error']>,
  path: string,
  status = 500,
) {
  const body = { error: 'Fixed text', code, message, details: { ...details, requestId: 'req-1' } };
  return { error: { message, code: -32000, data: { ...body, httpStatus: status, path } } };
}
