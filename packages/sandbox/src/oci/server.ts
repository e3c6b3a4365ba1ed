// Oracle's Compute and VirtualNetwork API on loopback: checks signatures, applies faults, runs operations, keeps count.

import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Faults, type OciFaults, type OciSubject, takeFault } from '../faults.ts';
import { type HttpListener, listenHttp, pause, readBody } from '../http-listener.ts';
import type { World } from '../instance-state.ts';
import { notFound, type OciAnswer, OciError, toFaultError } from './answers.ts';
import { createConsoleHistories } from './console-histories.ts';
import { createLifecycle } from './lifecycle.ts';
import { createOperations, type OciOperation } from './operations.ts';
import { createRetryTokens } from './retry-tokens.ts';
import { createSerialConsole } from './serial-console.ts';
import { findSignatureFlaw, type SignatureRules } from './signature.ts';
import { toAvailabilityDomain } from './to-oci-json.ts';

/** A request as it arrived; `status` is undefined until it was answered, and stays so when it never was. */
export interface OciRequest extends OciSubject {
  readonly query: string;
  /** Of an InstanceAction, e.g. `START`. */
  readonly action: string | undefined;
  readonly ifMatch: string | undefined;
  readonly retryToken: string | undefined;
  readonly status: number | undefined;
}

export interface OciOptions {
  readonly world: World;
  readonly faults: Faults;
  readonly credentials: Pick<SignatureRules, 'keyIds' | 'publicKey'>;
  readonly now?: () => Date;
}

export interface Oci extends AsyncDisposable {
  /** The endpoint without `/20160918`. */
  readonly url: string;
  /** Every request since the start or the last `clear()`, in order of arrival, refused ones included. */
  readonly requests: readonly OciRequest[];
  /** How many requests asked for this operation. */
  count(operation: string): number;
  /** Forgets the requests so far. */
  clear(): void;
  /** Adds to the instance's serial console. */
  writeConsole(text: string): void;
}

type Entry = { -readonly [Key in keyof OciRequest]: OciRequest[Key] };

/** Listens when it resolves. Disposing ends transitions under way, hanging requests and the listener. */
export async function createOci(options: OciOptions): Promise<Oci> {
  const { world, faults, credentials, now = () => new Date() } = options;
  const lifecycle = createLifecycle(world);
  const serialConsole = createSerialConsole(world);
  const histories = createConsoleHistories(world, toAvailabilityDomain(world.region));
  const operations = createOperations({ world, faults, lifecycle, histories, serialConsole });
  const retryTokens = createRetryTokens(now);
  const requests: Entry[] = [];

  const run = (operation: OciOperation, request: IncomingMessage, url: URL, body: Buffer) => {
    const token = header(request, 'opc-retry-token');
    const details = `${request.method} ${url.pathname}${url.search}`;
    const known = token === undefined ? undefined : retryTokens.find(token, details);
    if (known !== undefined) return known;
    const id = decodeURIComponent(operation.path.exec(toPath(url))?.[1] ?? '');
    const ifMatch = header(request, 'if-match');
    const answer = operation.run({ id, query: url.searchParams, ifMatch, body });
    if (token !== undefined) retryTokens.remember(token, details, answer);
    return answer;
  };

  const handle = async (
    request: IncomingMessage,
    response: ServerResponse,
    { closing }: HttpListener,
  ): Promise<void> => {
    const { method = 'GET', url: target = '/' } = request;
    const url = new URL(target, 'http://oci.invalid');
    const operation = operations.find(
      (known) => known.method === method && known.path.test(toPath(url)),
    );
    const entry = toEntry(operation, request, url);
    requests.push(entry);
    const body = await readBody(request);
    const reply = (answer: OciAnswer): void => {
      entry.status = answer.status;
      send(response, answer, header(request, 'opc-request-id'));
    };

    const fault =
      concerns(faults.oci, entry) && takeFault(faults.oci, entry) ? { ...faults.oci } : {};
    if (fault.delayMs !== undefined) await pause(fault.delayMs, closing);
    if (fault.hangs === true) return;
    if (fault.resets === true) return reset(response);
    if (fault.html !== undefined) return sendHtml(response, fault.html);
    try {
      if (fault.status !== undefined) {
        throw fault.code === undefined
          ? toFaultError(fault.status, world.instance.id)
          : new OciError(fault.status, fault.code, 'Words of OCI.');
      }
      const { headers } = request;
      const flaw = findSignatureFlaw(
        { method, url: target, headers, body },
        { ...credentials, now },
      );
      if (flaw !== undefined) throw new OciError(401, 'NotAuthenticated', flaw);
      if (operation === undefined) throw notFound();
      if (fault.outOfCapacity === true && entry.action === 'START') {
        throw new OciError(500, 'InternalError', 'Out of host capacity.');
      }
      const answer = run(operation, request, url, body);
      if (fault.losesAnswer === true) return reset(response);
      reply(answer);
    } catch (error) {
      reply(toErrorAnswer(error, fault.retryAfterSeconds));
    }
  };

  const listener = await listenHttp((own) => (request, response) => {
    handle(request, response, own).catch(() => response.destroy());
  });

  return {
    url: listener.url,
    requests,
    count: (operation) => requests.filter((request) => request.operation === operation).length,
    clear() {
      requests.length = 0;
    },
    writeConsole: (text) => serialConsole.write(text),
    async [Symbol.asyncDispose]() {
      lifecycle.close();
      serialConsole.close();
      await listener.close();
    },
  };
}

function toPath(url: URL): string {
  const prefix = '/20160918';
  return url.pathname.startsWith(`${prefix}/`) ? url.pathname.slice(prefix.length) : '';
}

function toEntry(operation: OciOperation | undefined, request: IncomingMessage, url: URL): Entry {
  return {
    operation: operation?.name ?? 'Unknown',
    method: request.method ?? 'GET',
    path: url.pathname,
    query: url.search,
    action: url.searchParams.get('action') ?? undefined,
    ifMatch: header(request, 'if-match'),
    retryToken: header(request, 'opc-retry-token'),
    status: undefined,
  };
}

/** A fault of START alone must not be used up by other requests. */
function concerns(faults: OciFaults, entry: OciRequest): boolean {
  const { status, delayMs, hangs, resets, losesAnswer, html, outOfCapacity } = faults;
  if ([status, delayMs, html].some((value) => value !== undefined)) return true;
  if (hangs === true || resets === true || losesAnswer === true) return true;
  return outOfCapacity === true && entry.action === 'START';
}

function toErrorAnswer(error: unknown, retryAfterSeconds: number | undefined): OciAnswer {
  const { status, code, message } =
    error instanceof OciError ? error : new OciError(500, 'InternalError', String(error));
  return {
    status,
    headers: retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) },
    body: { code, message },
  };
}

function send(response: ServerResponse, answer: OciAnswer, requestId: string | undefined): void {
  const { status, headers = {}, body } = answer;
  const isText = typeof body === 'string';
  response.writeHead(status, {
    'opc-request-id': toRequestId(requestId),
    ...(body === undefined ? {} : { 'content-type': isText ? 'text/plain' : 'application/json' }),
    ...headers,
  });
  if (body === undefined) response.end();
  else response.end(isText ? body : JSON.stringify(body));
}

/** The caller's id comes first, then Oracle's own two parts. */
function toRequestId(callers: string | undefined): string {
  const own = () => randomBytes(16).toString('hex').toUpperCase();
  return `${callers ?? own()}/${own()}/${own()}`;
}

function sendHtml(response: ServerResponse, html: string): void {
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
  response.end(html);
}

function reset(response: ServerResponse): void {
  response.socket?.resetAndDestroy();
}

function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}
