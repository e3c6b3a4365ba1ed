// What the suites of this folder share: a product that may be attacked without being throttled, asked over both transports.

import { expect } from 'vitest';
import { type App, type AppOptions, startAppHere } from '../support/start-sandbox-and-api.ts';

export const transports = ['REST', 'tRPC'] as const;
export type Transport = (typeof transports)[number];

/** One operation as each transport spells it. */
export interface Call {
  readonly method: string;
  /** REST. */
  readonly path: string;
  /** tRPC: the procedure with its input, and `GET` for a query. */
  readonly procedure: string;
  readonly isQuery: boolean;
  readonly input?: unknown;
}

export interface AuthAnswer {
  readonly status: number;
  readonly code: string | undefined;
  readonly challenge: string | null;
  readonly retryAfter: string | null;
  /** Status line aside, everything that was answered. */
  readonly text: string;
}

/** As `startApp`, and failed authentication is not limited: this folder fails it thousands of times. */
export function startAuthApp({ env, ...options }: AppOptions = {}): Promise<App> {
  return startAppHere({ ...options, env: { RATE_LIMIT_PER_MINUTE: '1000000', ...env } });
}

/** Sends the credentials as they are; undefined sends none. */
export async function ask(
  url: string,
  {
    transport,
    call,
    authorization,
  }: { transport: Transport; call: Call; authorization?: string | undefined },
): Promise<AuthAnswer> {
  const response = await fetch(`${url}${toTarget(transport, call)}`, {
    method: transport === 'REST' ? call.method : call.isQuery ? 'GET' : 'POST',
    headers: {
      ...(authorization === undefined ? {} : { authorization }),
      ...(transport === 'tRPC' && !call.isQuery ? { 'content-type': 'application/json' } : {}),
    },
    ...(transport === 'tRPC' && !call.isQuery ? { body: JSON.stringify(call.input ?? {}) } : {}),
    signal: AbortSignal.timeout(180_000),
  });
  return toAuthAnswer(response);
}

/** Of a stream that has opened nothing is read: it would not end. */
export async function toAuthAnswer(response: Response): Promise<AuthAnswer> {
  const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') === true;
  if (isStream) await response.body?.cancel();
  const body = isStream ? '' : await response.text();
  return {
    status: response.status,
    code: /"code":"([A-Z_]+)"/.exec(body)?.[1],
    challenge: response.headers.get('www-authenticate'),
    retryAfter: response.headers.get('retry-after'),
    text: `${JSON.stringify([...response.headers])}\n${body}`,
  };
}

function toTarget(transport: Transport, { path, procedure, isQuery, input }: Call): string {
  if (transport === 'REST') return path;
  const query =
    isQuery && input !== undefined ? `?input=${encodeURIComponent(JSON.stringify(input))}` : '';
  return `/trpc/${procedure}${query}`;
}

/** The most dangerous thing that can be asked for. */
export const resetVm: Call = {
  method: 'POST',
  path: '/vm/reset',
  procedure: 'vm.reset',
  isQuery: false,
};

export const readWhoami: Call = {
  method: 'GET',
  path: '/whoami',
  procedure: 'whoami',
  isQuery: true,
};

/** How much of the outside world was asked anything so far; the issuer aside. */
export function countReached(app: App): Readonly<Record<string, number>> {
  return {
    oci: app.sandbox.oci.requests.length,
    docker: app.sandbox.vm.engine.count(),
    ssh: app.sandbox.vm.connects,
  };
}

/** RFC 6750, section 3, to the letter. */
export const challenges = {
  none: (url: string) =>
    `Bearer realm="ondemand", resource_metadata="${url}/.well-known/oauth-protected-resource"`,
  of: (url: string, error: string, scope?: string) =>
    new RegExp(
      `^Bearer realm="ondemand", error="${error}", error_description="[^"\\\\]+", ${
        scope === undefined ? '' : `scope="${scope}", `
      }resource_metadata="${url.replaceAll('.', '\\.')}/\\.well-known/oauth-protected-resource"$`,
    ),
};

/** 401 for a token that is no good, whole: status, code, header, and nothing of the token in it. */
export function expectInvalidToken(answer: AuthAnswer, url: string, token: string): void {
  expect(answer).toMatchObject({
    status: 401,
    code: 'UNAUTHORIZED',
    challenge: expect.stringMatching(challenges.of(url, 'invalid_token')),
    retryAfter: null,
  });
  for (const part of token.split('.'))
    if (part.length > 12) expect(answer.text).not.toContain(part);
}
