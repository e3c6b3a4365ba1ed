// A server over services that tests write down, listening on a free port, and a check of whole errors.

import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import {
  AppError,
  type Container,
  type ErrorCode,
  type ErrorText,
  errorTexts,
  toLogText,
  type VmReady,
} from '@ondemand/core';
import { expect } from 'vitest';
import { createAuditTrail } from '../audit/trail.ts';
import type { Authenticate } from '../auth/authenticator.ts';
import { parseBearer } from '../auth/bearer.ts';
import { invalidToken } from '../auth/challenge.ts';
import { type Scope, scopes, toScopes } from '../auth/principal.ts';
import type { ApiError } from '../http/api-error.ts';
import { errorMap } from '../http/error-statuses.ts';
import { createServer, type ServerOptions } from '../index.ts';
import type { Services } from '../procedures/core-services.ts';

export const nginx: Container = {
  name: 'nginx',
  state: 'running',
  image: 'nginx:1.29-alpine',
  ports: '0.0.0.0:8080->80/tcp',
  uptime: 'Up 3 hours',
};

export const ready: VmReady = {
  ready: true,
  phase: 'on',
  vm: { lifecycleState: 'RUNNING' },
  ssh: { ok: true },
  docker: { ok: true, version: '28.3.3' },
  checkedAt: '2026-02-08T10:15:30.000Z',
};

export interface TestServer extends AsyncDisposable {
  readonly url: string;
  /** Every action that reached a service, in order. Tests that share a server empty it. */
  readonly actions: string[];
  /** How many are open. */
  countConnections(): Promise<number>;
  /** Asks with the token of that scope, or without any. */
  ask(path: string, init?: RequestInit & { readonly as?: Scope }): Promise<Response>;
}

export interface ServiceOverrides {
  readonly vm?: Partial<Services['vm']>;
  readonly readiness?: Partial<Services['readiness']>;
  readonly waker?: Partial<Services['waker']>;
  readonly containers?: Partial<Services['containers']>;
  readonly jobs?: Partial<Services['jobs']>;
  readonly events?: Partial<Services['events']>;
  readonly idle?: Partial<Services['idle']>;
  readonly leases?: Partial<Services['leases']>;
}

const scopeNames = { read: 'read', wake: 'wake', admin: 'admin' };

/** Tokens are the names of the scopes; every other is invalid. */
const authenticate: Authenticate = async (authorization) => {
  const token = parseBearer(authorization);
  if (!scopes.some((scope) => scope === token)) throw invalidToken('The token is not known');
  return {
    sub: token,
    clientId: 'test',
    scopes: toScopes(new Set([token]), scopeNames),
    expiresAt: '2030-01-01T00:00:00.000Z',
  };
};

export async function startTestServer(
  overrides: ServiceOverrides = {},
  options: Partial<ServerOptions> = {},
): Promise<TestServer> {
  const actions: string[] = [];
  const services = createServices(actions);
  const app = await createServer({
    services: {
      ...services,
      vm: { ...services.vm, ...overrides.vm },
      readiness: { ...services.readiness, ...overrides.readiness },
      waker: { ...services.waker, ...overrides.waker },
      containers: { ...services.containers, ...overrides.containers },
      jobs: { ...services.jobs, ...overrides.jobs },
      events: { ...services.events, ...overrides.events },
      idle: { ...services.idle, ...overrides.idle },
      leases: { ...services.leases, ...overrides.leases },
    },
    authenticate,
    scopeNames,
    issuer: 'https://auth.example.com',
    publicUrl: 'http://127.0.0.1:5000',
    checkReady: async () => {},
    rateLimitPerMinute: 0,
    audit: createAuditTrail({ log() {}, logFailure() {} }),
    ...options,
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`; // a TCP listener's address
  return {
    url,
    actions,
    countConnections: () => promisify(app.server.getConnections.bind(app.server))(),
    ask: (path, { as, headers, ...init } = {}) =>
      fetch(`${url}${path}`, {
        redirect: 'manual',
        ...init,
        headers: { ...headers, ...(as !== undefined && { authorization: `Bearer ${as}` }) },
      }),
    [Symbol.asyncDispose]: () => app.close(),
  };
}

function createServices(actions: string[]): Services {
  const power = (action: 'START' | 'STOP' | 'SOFTSTOP' | 'SOFTRESET' | 'RESET') => async () => {
    actions.push(action);
    return { action, status: 'initiated', vmId: 'oci-flex' } as const;
  };
  const act = (action: 'start' | 'stop' | 'restart' | 'rebuild') => async (name: string) => {
    actions.push(`${action} ${name}`);
    return { container: name, action, status: 'success', changed: true } as const;
  };
  return {
    vm: {
      status: async () => ({
        vmId: 'oci-flex',
        lifecycleState: 'RUNNING',
        displayName: 'oci-flex',
        lastCheck: '2026-02-08T10:15:30.000Z',
      }),
      start: power('START'),
      stop: ({ soft } = {}) => power(soft ? 'SOFTSTOP' : 'STOP')(),
      reboot: power('SOFTRESET'),
      reset: power('RESET'),
    },
    readiness: { check: async () => ready, watch: async () => nothing() },
    waker: {
      wake: async () => ready,
      async ensureAwake() {
        actions.push('wake');
      },
    },
    console: { readConsole: async () => ({ capturedAt: ready.checkedAt, logs: 'login:\n' }) },
    ssh: {
      address: async () => ({
        host: '203.0.113.7',
        port: 22,
        user: 'opc',
        hostKeys: ['ssh-ed25519 AAAA'],
      }),
    },
    containers: {
      list: async () => [nginx],
      status: async (name) => {
        if (name === nginx.name) return nginx;
        throw missing(name);
      },
      start: act('start'),
      stop: act('stop'),
      restart: act('restart'),
      rebuild: act('rebuild'),
      logs: async (container, { lines = 100 } = {}) => ({
        container,
        lines,
        logs: toLogText([Buffer.from('one\ntwo\n')]),
      }),
      followLogs: async () => nothing(),
      inspect: async (name) => Promise.reject(missing(name)),
      stats: async (name) => Promise.reject(missing(name)),
    },
    jobs: {
      list: async () => [],
      get: async (id) => Promise.reject(missing(id)),
      cancel: async (id) => Promise.reject(missing(id)),
      output: async () => nothing(),
    },
    events: { watch: async () => nothing() },
    idle: { verdict: async () => Promise.reject(missing('verdict')), noteAction() {} },
    diagnosis: { diagnose: async () => ({ ok: true, checkedAt: ready.checkedAt, checks: [] }) },
    leases: {
      take: async (request) => Promise.reject(missing(request.by.sub)),
      release: async (id) => Promise.reject(missing(id)),
      holdWhileRead() {},
    },
  };
}

function missing(name: string): AppError {
  return new AppError('NOT_FOUND', `Nothing named '${name}' on oci-flex`, { details: { name } });
}

async function* nothing(): AsyncGenerator<never, void> {}

export interface ApiErrorBody extends ApiError {
  readonly details: ApiError['details'] & {
    readonly issues?: readonly { readonly path: string }[];
    readonly name?: string;
  };
}

/** The JSON of an answer, in the form that the test expects and then checks. */
export async function readJson<T>(response: Response): Promise<T> {
  return (await response.json()) as T; // the test's own claim
}

/** Checks an `ApiError` whole: status, body, headers, and its short text where one is named; resolves with the body. */
export async function expectApiError<Code extends ErrorCode>(
  response: Response,
  code: Code,
  error?: ErrorText<Code>,
): Promise<ApiErrorBody> {
  const { status } = errorMap[code];
  const body = await readJson<ApiErrorBody>(response);
  expect({ status: response.status, code: body.code, error: body.error }).toEqual({
    status,
    code,
    error: error ?? expect.toBeOneOf([...errorTexts[code]]),
  });
  expect(Object.keys(body).sort()).toEqual(['code', 'details', 'error', 'message']);
  expect(body.message).toMatch(/\S/);
  expect(body.details.requestId).toBe(response.headers.get('x-request-id'));
  expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
  expect(response.headers.has('www-authenticate')).toBe(status === 401 || status === 403);
  expect(response.headers.has('allow')).toBe(status === 405);
  expect(JSON.stringify(body)).not.toMatch(/node_modules|\/src\/|\.[jt]s:\d|eyJ/);
  return body;
}
