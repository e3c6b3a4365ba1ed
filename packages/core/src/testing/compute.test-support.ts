// A server that speaks OCI's wire protocol as far as each test needs it, and an adapter that is configured to ask it.

import { createVerify, generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, vi } from 'vitest';
import { AppError } from '../app-error.ts';
import { createOciCompute, type OciComputeOptions } from '../oci/compute.ts';

export const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 }); // a short one is made quickly
export const instanceId = 'ocid1.instance.oc1..vm';
export const compartmentId = 'ocid1.compartment.oc1..a&b#c d';
export const instancePath = `/20160918/instances/${instanceId}`;

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly closed: Promise<void>;
}

type Answerer = (request: Seen, response: ServerResponse, nth: number) => void;

/** A configuration in a folder of its own, for what reads it, and a console that has to stay silent; called once, at the top of a file. */
export function setUpOci() {
  let folder = '';
  beforeAll(async () => {
    await import('oci-core'); // loading it takes seconds on a busy machine, and a test's deadline is short
    folder = await mkdtemp(join(tmpdir(), 'ondemand-oci-'));
    await writeFile(
      join(folder, 'key.pem'),
      privateKey.export({
        type: 'pkcs8',
        format: 'pem',
        cipher: 'aes-256-cbc',
        passphrase: 'sesame',
      }),
    );
    const profile = `tenancy=ocid1.tenancy.oc1..t\nkey_file=${join(folder, 'key.pem')}\npass_phrase=sesame\nregion=eu-frankfurt-1\n`;
    await writeFile(join(folder, 'token'), 'a.session.token\n');
    await writeFile(
      join(folder, 'config'),
      `[VM]\nuser=ocid1.user.oc1..u\nfingerprint=aa:bb\n${profile}[SESSION]\nsecurity_token_file=${join(folder, 'token')}\n${profile}`,
    );
  });
  afterAll(() => rm(folder, { recursive: true }));
  watchConsole();

  return {
    /** A path in the folder, which holds `config`, `key.pem` and `token`. */
    file: (name: string) => join(folder, name),
    computeAt,
    failure,
  };

  function computeAt(endpoint: string, options: Partial<OciComputeOptions> = {}) {
    return createOciCompute({
      instanceId,
      auth: 'config',
      configFile: join(folder, 'config'),
      profile: 'VM',
      endpoint,
      timeoutMs: 60_000,
      random: () => 0,
      ...options,
    });
  }

  /** The failure of a call, once it has been found to tell nothing of the machine and none of OCI's words. */
  async function failure(promise: Promise<unknown>): Promise<AppError> {
    const error = await promise.then(
      () => expect.fail('it did not fail'),
      (reason: unknown) => reason,
    );
    if (!(error instanceof AppError)) throw error;
    const told = JSON.stringify([error.message, error.details]);
    expect(told).not.toContain(folder);
    expect(told).not.toContain('Some words');
    return error;
  }
}

export async function startOci(answer: Answerer) {
  const requests: Seen[] = [];
  const server = createServer((request, response) => {
    const closed = new Promise<void>((resolve) => response.once('close', () => resolve()));
    const { method = '', url = '', headers } = request;
    const seen = { method, url, headers, closed };
    requests.push(seen);
    answer(seen, response, requests.length);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // A TCP server's address is never a pipe's name.
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export function json(
  response: ServerResponse,
  body: unknown,
  headers: Record<string, string> = {},
) {
  response.writeHead(200, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}

export function refuse(
  response: ServerResponse,
  status: number,
  { code = 'Some', message = 'Some words.', headers = {} } = {},
) {
  response.writeHead(status, {
    'content-type': 'application/json',
    'opc-request-id': 'r',
    ...headers,
  });
  response.end(JSON.stringify({ code, message }));
}

export function instance(lifecycleState = 'RUNNING') {
  return {
    id: instanceId,
    compartmentId,
    lifecycleState,
    displayName: 'vm',
    timeCreated: '2026-01-01',
  };
}

/** A VM with two network cards attached, one long gone. */
export const wholeVm: Answerer = ({ url }, response) => {
  const path = url.split('?')[0];
  if (path === instancePath) return json(response, instance(), { etag: 'e1' });
  if (path === '/20160918/vnicAttachments') {
    return json(response, [
      { vnicId: 'old', lifecycleState: 'DETACHED' },
      { vnicId: 'second', lifecycleState: 'ATTACHED' },
      { vnicId: 'first', lifecycleState: 'ATTACHED' },
    ]);
  }
  if (path === '/20160918/vnics/first') {
    return json(response, { id: 'first', isPrimary: true, publicIp: '203.0.113.7' });
  }
  if (path === '/20160918/vnics/second') {
    return json(response, { id: 'second', isPrimary: false, publicIp: '203.0.113.8' });
  }
  return refuse(response, 404);
};

/** As facts/oci.md and OCI's documentation describe a signature. */
export function verify({ method, url, headers }: Seen, key = publicKey): boolean {
  const part = (name: string) =>
    new RegExp(`${name}="([^"]*)"`).exec(headers.authorization ?? '')?.[1] ?? '';
  const lines = part('headers')
    .toLowerCase()
    .split(' ')
    .map((name) =>
      name === '(request-target)'
        ? `${name}: ${method.toLowerCase()} ${url}`
        : `${name}: ${headers[name]}`,
    );
  return createVerify('RSA-SHA256')
    .update(lines.join('\n'))
    .verify(key, part('signature'), 'base64');
}

function watchConsole(): void {
  const printed: unknown[] = [];
  beforeEach(() => {
    printed.length = 0;
    for (const level of ['log', 'info', 'warn', 'error', 'debug'] as const) {
      vi.spyOn(console, level).mockImplementation((...words) => {
        printed.push(words);
      });
    }
  });
  afterEach(() => {
    vi.restoreAllMocks();
    expect(printed).toEqual([]);
  });
}
