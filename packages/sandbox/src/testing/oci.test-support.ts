// The sandbox's OCI endpoint alone, and signed requests to it.

import { createHash, sign } from 'node:crypto';
import { expect } from 'vitest';
import { createFaults } from '../faults.ts';
import { createWorld, type WorldOptions } from '../instance-state.ts';
import { type ApiKey, createApiKey } from '../oci/api-key.ts';
import { createOci } from '../oci/server.ts';

// Slow to make, and read only.
export const [key, otherKey] = await Promise.all([createApiKey(1024), createApiKey(1024)]); // short ones are made quickly

export const durations = { startMs: 20, stopMs: 20, softStopMs: 20, bootMs: 20 };

export interface Overrides {
  readonly method?: string;
  readonly body?: string;
  /** Sent, and signed where the signature covers them. */
  readonly headers?: Record<string, string>;
  /** Sent in place of the signed value, as a forger on the way would. */
  readonly tampered?: Record<string, string>;
  readonly signedHeaders?: readonly string[];
  readonly keyId?: string;
  readonly key?: ApiKey;
  readonly signal?: AbortSignal;
}

export async function startOci(options: WorldOptions & { now?: () => Date } = {}) {
  const world = createWorld({ durations, ...options });
  const faults = createFaults();
  const keyId = `${world.tenancyId}/${world.userId}/${key.fingerprint}`;
  const oci = await createOci({
    world,
    faults,
    credentials: { keyIds: [keyId], publicKey: key.publicKey },
    ...(options.now ? { now: options.now } : {}),
  });

  const call = (path: string, overrides: Overrides = {}): Promise<Response> => {
    const { method = 'GET', body = '', signal } = overrides;
    const url = new URL(`/20160918${path}`, oci.url);
    const isPost = method === 'POST';
    const headers: Record<string, string> = {
      'x-date': new Date().toUTCString(),
      host: url.host,
      ...(isPost
        ? {
            'content-type': 'application/json',
            'content-length': String(Buffer.byteLength(body)),
            'x-content-sha256': createHash('sha256').update(body).digest('base64'),
          }
        : {}),
      ...overrides.headers,
    };
    const names = overrides.signedHeaders ?? [
      'x-date',
      '(request-target)',
      'host',
      ...(isPost ? ['content-type', 'content-length', 'x-content-sha256'] : []),
    ];
    const target = `${method.toLowerCase()} ${url.pathname}${url.search}`;
    const lines = names.map(
      (name) => `${name}: ${name === '(request-target)' ? target : headers[name]}`,
    );
    const pem = (overrides.key ?? key).privatePem;
    const signature = sign('sha256', Buffer.from(lines.join('\n')), pem).toString('base64');
    const { host: _host, 'content-length': _length, ...sent } = headers;
    return fetch(url, {
      method,
      headers: {
        ...sent,
        authorization: `Signature version="1",keyId="${overrides.keyId ?? keyId}",algorithm="rsa-sha256",headers="${names.join(' ')}",signature="${signature}"`,
        ...overrides.tampered,
      },
      ...(isPost ? { body } : {}),
      ...(signal ? { signal } : {}),
    });
  };
  const act = (action: string, overrides: Overrides = {}) =>
    call(`/instances/${world.instance.id}?action=${action}`, { method: 'POST', ...overrides });
  const get = () => call(`/instances/${world.instance.id}`);
  return {
    world,
    faults,
    oci,
    call,
    act,
    get,
    [Symbol.asyncDispose]: () => oci[Symbol.asyncDispose](),
  };
}

export async function expectOciError(
  response: Response,
  status: number,
  code: string,
): Promise<string> {
  const body = await toJson(response);
  expect({ status: response.status, code: body.code }).toEqual({ status, code });
  expect(response.headers.get('opc-request-id')).toMatch(/^.+\/[0-9A-F]{32}\/[0-9A-F]{32}$/);
  expect(Object.keys(body)).toEqual(['code', 'message']);
  return body.message;
}

export function minutesFromNow(minutes: number): string {
  return new Date(Date.now() + minutes * 60_000).toUTCString();
}

export async function toJson(response: Response) {
  return JSON.parse(await response.text());
}
