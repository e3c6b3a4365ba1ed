// An issuer on loopback whose every answer a test decides, and a clock that a test turns.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AppError } from '@ondemand/core';
import { vi } from 'vitest';
import { createIssuerHttp } from '../auth/issuer-http.ts';

export interface IssuerRequest {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | undefined;
  readonly contentType: string | undefined;
  readonly body: string;
}

export interface TestIssuer extends AsyncDisposable {
  readonly url: string;
  readonly requests: readonly IssuerRequest[];
  count(path: string): number;
  /** What each path answers: a value is sent as JSON, a function answers by itself. */
  readonly answers: Record<string, unknown>;
}

export type Answer = (response: ServerResponse, request: IssuerRequest) => void;

export const discoveryPath = '/.well-known/openid-configuration';

/** Serves metadata that names `/jwks` and `/introspect`; a path without an answer is 404. */
export async function startTestIssuer(): Promise<TestIssuer> {
  const requests: IssuerRequest[] = [];
  const answers: Record<string, unknown> = {};
  const server = createServer(async (incoming, response) => {
    const request = await toRequest(incoming);
    requests.push(request);
    const answer = answers[request.path];
    if (answer === undefined) response.writeHead(404).end();
    else if (typeof answer === 'function') answer(response, request);
    else sendJson(response, answer);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`; // it listens on TCP
  answers[discoveryPath] = {
    issuer: url,
    jwks_uri: `${url}/jwks`,
    introspection_endpoint: `${url}/introspect`,
  };
  return {
    url,
    requests,
    answers,
    count: (path) => requests.filter((request) => request.path === path).length,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export function sendJson(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

/** Whatever an issuer may do wrong; `slow` needs a client with a short deadline. */
export const issuerFaults: Readonly<Record<string, Answer>> = {
  'resetting the connection': (response) => response.socket?.resetAndDestroy(),
  'answering 500': (response) => response.writeHead(500).end('{}'),
  'answering 400': (response) => response.writeHead(400).end('{"error":"invalid_request"}'),
  'answering HTML': (response) =>
    response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'),
  'answering JSON as HTML': (response) =>
    response.writeHead(200, { 'content-type': 'text/html' }).end('{"active":true}'),
  'answering HTML as JSON': (response) =>
    response.writeHead(200, { 'content-type': 'application/json' }).end('<html>'),
  'answering a list': (response) => sendJson(response, []),
  'answering half of it': (response) =>
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"active":true,'),
  'answering without end': (response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    const feed = () => {
      while (response.write(' '.repeat(65_536))); // until the socket is full
    };
    response.on('drain', feed).on('error', () => {});
    feed();
  },
  redirecting: (response) => response.writeHead(302, { location: '/elsewhere' }).end(),
  'redirecting as it was': (response) => response.writeHead(307, { location: '/elsewhere' }).end(),
};

/** Authelia's default limits of introspection by one address: the burst of each bucket, and how often it gets one back. */
const autheliaBuckets = [
  { burst: 30, everyMs: 60_000 },
  { burst: 40, everyMs: 120_000 },
  { burst: 50, everyMs: 600_000 },
  { burst: 100, everyMs: 3_600_000 },
];

/** Introspection as Authelia throttles it: what is active costs nothing, but a bucket that is empty refuses it too. */
export function createAutheliaIntrospection(
  { now }: TestClock,
  claimsOf: (token: string) => Readonly<Record<string, unknown>> | undefined,
): Answer {
  const buckets = autheliaBuckets.map((bucket) => ({ ...bucket, left: bucket.burst, atMs: now() }));
  return (response, { body }) => {
    for (const bucket of buckets) {
      const refilled = bucket.left + (now() - bucket.atMs) / bucket.everyMs;
      Object.assign(bucket, { left: Math.min(bucket.burst, refilled), atMs: now() });
    }
    const waitsMs = buckets.map(({ left, everyMs }) => Math.max(0, 1 - left) * everyMs);
    const waitSeconds = Math.ceil(Math.max(...waitsMs) / 1000);
    if (waitSeconds > 0) {
      response.writeHead(429, { 'retry-after': String(waitSeconds) });
      response.end('{"error":"temporarily_unavailable"}');
      return;
    }
    const claims = claimsOf(new URLSearchParams(body).get('token') ?? '');
    if (claims === undefined) for (const bucket of buckets) bucket.left -= 1;
    sendJson(response, claims ?? { active: false });
  };
}

export interface TestClock {
  /** In milliseconds, never going back. */
  readonly now: () => number;
  /** The time of day. */
  readonly date: () => Date;
  advance(ms: number): void;
}

/** Stands still at the present time until it is advanced. */
export function createTestClock(): TestClock {
  const dateMs = Date.now();
  let passedMs = 0;
  return {
    now: () => passedMs,
    date: () => new Date(dateMs + passedMs),
    advance(ms) {
      passedMs += ms;
    },
  };
}

/** Fakes the process's own clocks: they stand still until `vi.advanceTimersByTime`, and only the time of day can be set. */
export function fakeSystemClocks(): Disposable & { setBack(ms: number): void } {
  vi.useFakeTimers({ toFake: ['Date', 'performance'] });
  return {
    setBack: (ms) => vi.setSystemTime(Date.now() - ms),
    [Symbol.dispose]: () => vi.useRealTimers(),
  };
}

/** What the promise rejects with, which must be an `AppError`. */
export async function errorOf(promise: Promise<unknown>): Promise<AppError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof AppError))
    throw new Error('it did not fail as it should', { cause: error });
  return error;
}

/** Everything that a log could write of an error: all its properties, its stack, its causes. */
export function toLogText(error: unknown): string {
  const parts: string[] = [];
  for (let each = error; each instanceof Error; each = each.cause)
    parts.push(String(each.stack), each.message, JSON.stringify({ ...each }));
  return parts.join('\n');
}

async function toRequest(incoming: IncomingMessage): Promise<IssuerRequest> {
  let body = '';
  for await (const chunk of incoming.setEncoding('utf8')) body += chunk;
  return {
    method: incoming.method ?? '',
    path: incoming.url ?? '',
    authorization: incoming.headers.authorization,
    contentType: incoming.headers['content-type'],
    body,
  };
}

/** For tests whose issuer always answers: on a busy machine that may take a while. */
export const unhurriedHttp = createIssuerHttp({ timeoutMs: 60_000 });
