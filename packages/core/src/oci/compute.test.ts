// The adapter against a server that speaks OCI's wire protocol as far as each test needs it.

import { execFileSync } from 'node:child_process';
import { createHash, createVerify, generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { AppError } from '../errors.ts';
import { createOciCompute, type OciComputeOptions } from './compute.ts';

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const instanceId = 'ocid1.instance.oc1..vm';
const compartmentId = 'ocid1.compartment.oc1..a&b#c d';
const instancePath = `/20160918/instances/${instanceId}`;

let folder = '';
beforeAll(async () => {
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

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly closed: Promise<void>;
}
type Answerer = (request: Seen, response: ServerResponse, nth: number) => void;

async function startOci(answer: Answerer) {
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

function computeAt(endpoint: string, options: Partial<OciComputeOptions> = {}) {
  return createOciCompute({
    instanceId,
    auth: 'config',
    configFile: join(folder, 'config'),
    profile: 'VM',
    endpoint,
    timeoutMs: 5000,
    random: () => 0,
    ...options,
  });
}

function json(response: ServerResponse, body: unknown, headers: Record<string, string> = {}) {
  response.writeHead(200, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}

function refuse(
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

function instance(lifecycleState = 'RUNNING') {
  return {
    id: instanceId,
    compartmentId,
    lifecycleState,
    displayName: 'vm',
    timeCreated: '2026-01-01',
  };
}

/** A VM with two network cards attached, one long gone. */
const wholeVm: Answerer = ({ url }, response) => {
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

/** As facts/oci.md and OCI's documentation describe a signature. */
function verify({ method, url, headers }: Seen, key = publicKey): boolean {
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

describe('what it asks', () => {
  test('getInstance() tells state, name and version, and signs its request', async () => {
    await using oci = await startOci(wholeVm);
    await using compute = computeAt(oci.endpoint);
    expect(await compute.getInstance()).toEqual({
      lifecycleState: 'RUNNING',
      displayName: 'vm',
      etag: 'e1',
    });
    const [request] = oci.requests;
    if (request === undefined) return expect.fail('no request came');
    expect(request.headers.authorization).toMatch(
      /^Signature version="1",keyId="ocid1\.tenancy\.oc1\.\.t\/ocid1\.user\.oc1\.\.u\/aa:bb",algorithm="rsa-sha256",headers="x-date \(request-target\) host"/,
    );
    expect(verify(request)).toBe(true);
  });

  test('getPublicIp() gives the address of the primary card, with the compartment escaped', async () => {
    await using oci = await startOci(wholeVm);
    await using compute = computeAt(oci.endpoint);
    expect(await compute.getPublicIp()).toBe('203.0.113.7');
    const [first, list, ...cards] = oci.requests.map(({ url }) => url);
    expect([first, list]).toEqual([
      instancePath,
      `/20160918/vnicAttachments?compartmentId=${encodeURIComponent(compartmentId)}&instanceId=${instanceId}`,
    ]);
    // They are asked about at the same time, so either may come first.
    expect(cards.sort()).toEqual(['/20160918/vnics/first', '/20160918/vnics/second']);
    expect(oci.requests.every((request) => verify(request))).toBe(true);
  });

  test('getPublicIp() does not ask again for a compartment that it knows', async () => {
    await using oci = await startOci(wholeVm);
    await using compute = computeAt(oci.endpoint);
    await compute.getInstance();
    await compute.getPublicIp();
    expect(oci.requests.filter(({ url }) => url === instancePath)).toHaveLength(1);
  });

  test('getPublicIp() finds a VM that was moved to another compartment', async () => {
    let home = 'one';
    await using oci = await startOci((request, response, nth) => {
      if (request.url === instancePath)
        return json(response, { ...instance(), compartmentId: home });
      if (request.url.includes('compartmentId=one') && home === 'two') return json(response, []);
      return wholeVm(request, response, nth);
    });
    await using compute = computeAt(oci.endpoint);
    expect(await compute.getPublicIp()).toBe('203.0.113.7');
    home = 'two';
    expect(await compute.getPublicIp()).toBe('203.0.113.7');
  });

  test('getPublicIp() is undefined for a VM without a public address', async () => {
    await using oci = await startOci((request, response, nth) =>
      request.url.includes('/vnics/')
        ? json(response, { isPrimary: true, privateIp: '10.0.0.2' })
        : wholeVm(request, response, nth),
    );
    await using compute = computeAt(oci.endpoint);
    expect(await compute.getPublicIp()).toBeUndefined();
  });

  test('getPublicIp() follows a list of cards over its pages', async () => {
    await using oci = await startOci((request, response, nth) => {
      if (request.url.includes('vnicAttachments') && !request.url.includes('page=')) {
        return json(response, [], { 'opc-next-page': 'p 2' });
      }
      return wholeVm(request, response, nth);
    });
    await using compute = computeAt(oci.endpoint);
    expect(await compute.getPublicIp()).toBe('203.0.113.7');
    expect(oci.requests[2]?.url).toContain('page=p%202');
  });

  test('act() sends the action with the version, a retry token and a signed empty body', async () => {
    await using oci = await startOci((_, response) => json(response, instance('STARTING')));
    await using compute = computeAt(oci.endpoint);
    await compute.act('START', { etag: 'e1' });
    const [request] = oci.requests;
    if (request === undefined) return expect.fail('no request came');
    expect(`${request.method} ${request.url}`).toBe(`POST ${instancePath}?action=START`);
    expect(request.headers['if-match']).toBe('e1');
    expect(request.headers['opc-retry-token']).toMatch(/^[\w-]{36}$/);
    expect(request.headers['content-length']).toBe('0');
    expect(request.headers['x-content-sha256']).toBe(createHash('sha256').digest('base64'));
    expect(request.headers.authorization).toMatch(
      /headers="[^"]*content-length x-content-sha256"/i,
    );
    expect(verify(request)).toBe(true);
  });

  test('act() refuses to send without a version', async () => {
    await using oci = await startOci(wholeVm);
    await using compute = computeAt(oci.endpoint);
    expect((await failure(compute.act('STOP', { etag: '' }))).code).toBe('SERVICE_UNAVAILABLE');
    expect(oci.requests).toEqual([]);
  });

  test('a session signs with its token, without the newline that ends its file, and sees a renewed one', async () => {
    await using oci = await startOci(wholeVm);
    await using compute = computeAt(oci.endpoint, { auth: 'session', profile: 'SESSION' });
    await compute.getInstance();
    await writeFile(join(folder, 'token'), 'renewed\r\n');
    await compute.getInstance();
    expect(oci.requests.map(({ headers }) => headers.authorization?.split('"')[3])).toEqual([
      'ST$a.session.token',
      'ST$renewed',
    ]);
    expect(oci.requests.every((request) => verify(request))).toBe(true);
  });

  test('a session that was authenticated anew signs with its new key, whenever its files were written', async () => {
    const renewed = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const [keyFile, tokenFile] = [join(folder, 'session.pem'), join(folder, 'session-token')];
    const configFile = join(folder, 'session-config');
    await writeFile(configFile, `[VM]\nkey_file=${keyFile}\nsecurity_token_file=${tokenFile}\n`);
    await writeFile(keyFile, privateKey.export({ type: 'pkcs8', format: 'pem' }));
    await writeFile(tokenFile, 'first');
    await using oci = await startOci(wholeVm);
    await using compute = computeAt(oci.endpoint, { auth: 'session', configFile });
    await compute.getInstance();
    await writeFile(tokenFile, 'second');
    await compute.getInstance();
    await writeFile(keyFile, renewed.privateKey.export({ type: 'pkcs8', format: 'pem' }));
    await compute.getInstance();
    expect(oci.requests.map(({ headers }) => headers.authorization?.split('"')[3])).toEqual([
      'ST$first',
      'ST$second',
      'ST$second',
    ]);
    const isSignedWith = (key: typeof publicKey) => oci.requests.map((one) => verify(one, key));
    expect(isSignedWith(publicKey)).toEqual([true, true, false]);
    expect(isSignedWith(renewed.publicKey)).toEqual([false, false, true]);
  });

  test('a state that OCI invents later reads as MOVING', async () => {
    await using oci = await startOci((_, response) => json(response, instance('HIBERNATING')));
    await using compute = computeAt(oci.endpoint);
    expect((await compute.getInstance()).lifecycleState).toBe('MOVING');
  });
});

describe('deadlines', () => {
  test('a silent server ends the call at the deadline and closes its socket', async () => {
    await using oci = await startOci(() => {});
    await using compute = computeAt(oci.endpoint, { timeoutMs: 1000 });
    const startedAt = performance.now();
    const error = await failure(compute.getInstance());
    expect(error.code).toBe('SERVICE_UNAVAILABLE');
    expect(error.details.reason).toBe('TIMEOUT');
    expect(performance.now() - startedAt).toBeLessThan(5000);
    expect(oci.requests).toHaveLength(1);
    await oci.requests[0]?.closed;
  });

  test('a body that stalls ends the call at the deadline', async () => {
    await using oci = await startOci((_, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('{');
    });
    await using compute = computeAt(oci.endpoint, { timeoutMs: 1000 });
    expect((await failure(compute.getInstance())).details.reason).toBe('TIMEOUT');
    await oci.requests[0]?.closed;
  });

  test("the caller's abort closes the socket and rejects with the caller's reason", async () => {
    const controller = new AbortController();
    const reason = new Error('the reader left');
    await using oci = await startOci(() => controller.abort(reason));
    const outcomes: string[] = [];
    await using compute = computeAt(oci.endpoint, {
      onRequest: (operation, outcome) => outcomes.push(`${operation} ${outcome}`),
    });
    await expect(compute.getInstance({ signal: controller.signal })).rejects.toBe(reason);
    await oci.requests[0]?.closed;
    expect(outcomes).toEqual(['GetInstance aborted']);
  });
});

describe('retries', () => {
  test('a read is tried three times and each attempt is counted', async () => {
    const outcomes: string[] = [];
    await using oci = await startOci((request, response, nth) => {
      if (nth === 1) return response.destroy();
      if (nth === 2) return refuse(response, 503);
      return wholeVm(request, response, nth);
    });
    await using compute = computeAt(oci.endpoint, {
      onRequest: (operation, outcome) => outcomes.push(`${operation} ${outcome}`),
    });
    expect((await compute.getInstance()).etag).toBe('e1');
    expect(outcomes).toEqual(['GetInstance network', 'GetInstance 503', 'GetInstance 200']);
  });

  test('a read gives up after three attempts', async () => {
    await using oci = await startOci((_, response) => refuse(response, 500));
    await using compute = computeAt(oci.endpoint);
    const error = await failure(compute.getInstance());
    expect(error.code).toBe('SERVICE_UNAVAILABLE');
    expect(error.cause).toMatchObject({ failure: { status: 500, requestId: 'r' } });
    expect(oci.requests).toHaveLength(3);
  });

  test('Retry-After is waited for when the deadline allows it', async () => {
    await using oci = await startOci((request, response, nth) =>
      nth === 1
        ? refuse(response, 429, { headers: { 'retry-after': '1' } })
        : wholeVm(request, response, nth),
    );
    await using compute = computeAt(oci.endpoint);
    const startedAt = performance.now();
    await compute.getInstance();
    expect(performance.now() - startedAt).toBeGreaterThan(990);
    // Each attempt carries its own date and signature: OCI refuses old ones.
    expect(new Set(oci.requests.map(({ headers }) => headers['x-date'])).size).toBe(2);
    expect(oci.requests.every((request) => verify(request))).toBe(true);
  });

  test('a Retry-After beyond the deadline is passed on at once', async () => {
    await using oci = await startOci((_, response) =>
      refuse(response, 429, { headers: { 'retry-after': '60' } }),
    );
    await using compute = computeAt(oci.endpoint);
    const error = await failure(compute.getInstance());
    expect(error.code).toBe('SERVICE_UNAVAILABLE');
    expect(error.details.retryAfterSeconds).toBe(60);
    expect(oci.requests).toHaveLength(1);
  });

  test.each([401, 404, 400])('a read that OCI refuses with %i is not repeated', async (status) => {
    await using oci = await startOci((_, response) => refuse(response, status));
    await using compute = computeAt(oci.endpoint);
    expect((await failure(compute.getInstance())).code).toBe('INTERNAL_ERROR');
    expect(oci.requests).toHaveLength(1);
  });

  test('an action whose connection breaks is repeated once, with the same retry token', async () => {
    await using oci = await startOci((_, response, nth) =>
      nth === 1 ? response.destroy() : json(response, instance('STARTING')),
    );
    await using compute = computeAt(oci.endpoint);
    await compute.act('START', { etag: 'e1' });
    const tokens = oci.requests.map(({ headers }) => headers['opc-retry-token']);
    expect(tokens).toHaveLength(2);
    expect(new Set(tokens).size).toBe(1);
  });

  test('an action whose connection breaks twice has an unknown outcome', async () => {
    await using oci = await startOci((_, response) => response.destroy());
    await using compute = computeAt(oci.endpoint);
    const error = await failure(compute.act('START', { etag: 'e1' }));
    expect(error.code).toBe('SERVICE_UNAVAILABLE');
    expect(error.details.outcome).toBe('unknown');
    expect(oci.requests).toHaveLength(2);
  });

  test('an action refused after a broken first attempt has an unknown outcome, for the first may have won', async () => {
    await using oci = await startOci((_, response, nth) =>
      nth === 1 ? response.destroy() : refuse(response, 412),
    );
    await using compute = computeAt(oci.endpoint);
    expect((await failure(compute.act('STOP', { etag: 'e1' }))).details.outcome).toBe('unknown');
  });

  test('an action without an answer is not repeated and has an unknown outcome', async () => {
    await using oci = await startOci(() => {});
    await using compute = computeAt(oci.endpoint, { timeoutMs: 1000 });
    const error = await failure(compute.act('RESET', { etag: 'e1' }));
    expect(error.details).toEqual({
      reason: 'TIMEOUT',
      outcome: 'unknown',
      retryAfterSeconds: 5,
    });
    expect(oci.requests).toHaveLength(1);
  });

  test.each([
    [409, 'IncorrectState', 'CONFLICT'],
    [412, 'NoEtagMatch', 'CONFLICT'],
    [429, 'TooManyRequests', 'SERVICE_UNAVAILABLE'],
  ])('an action refused with %i %s is not repeated: %s', async (status, code, expected) => {
    await using oci = await startOci((_, response) => refuse(response, status, { code }));
    await using compute = computeAt(oci.endpoint);
    const error = await failure(compute.act('START', { etag: 'e1' }));
    expect(error.code).toBe(expected);
    expect(error.details.outcome).toBeUndefined();
    expect(oci.requests).toHaveLength(1);
  });

  test('a start without a free host says so, and is certain to have failed', async () => {
    await using oci = await startOci((_, response) =>
      refuse(response, 500, { code: 'InternalError', message: 'Out of host capacity.' }),
    );
    await using compute = computeAt(oci.endpoint);
    const error = await failure(compute.act('START', { etag: 'e1' }));
    expect(error.code).toBe('SERVICE_UNAVAILABLE');
    expect(error.details).toEqual({ reason: 'OUT_OF_CAPACITY', retryAfterSeconds: 300 });
  });
});

describe('what answers strangely', () => {
  test.each([
    ['HTML', '<html>', {}],
    ['null', 'null', {}],
    ['an array', '[]', {}],
    ['an object without a state', '{}', {}],
    ['a state that is no text', '{"lifecycleState":7,"compartmentId":"c"}', {}],
    ['nothing', '', {}],
  ])('%s for an instance is SERVICE_UNAVAILABLE', async (_, body) => {
    await using oci = await startOci((_request, response) => response.end(body));
    await using compute = computeAt(oci.endpoint);
    const error = await failure(compute.getInstance());
    expect([error.code, error.details.reason]).toEqual([
      'SERVICE_UNAVAILABLE',
      'UNREADABLE_ANSWER',
    ]);
  });

  test.each(['null', '{}', '7', '[null]', '["x"]'])(
    '%s for the list of cards does not crash',
    async (body) => {
      await using oci = await startOci((request, response, nth) =>
        request.url.includes('vnicAttachments')
          ? response.end(body)
          : wholeVm(request, response, nth),
      );
      await using compute = computeAt(oci.endpoint);
      const outcome = await compute.getPublicIp().catch((error: unknown) => error);
      if (outcome !== undefined) expect(outcome).toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
    },
  );

  test('a redirect is not followed', async () => {
    await using elsewhere = await startOci(wholeVm);
    await using oci = await startOci((request, response) => {
      response.writeHead(307, { location: `${elsewhere.endpoint}${request.url}` }).end();
    });
    await using compute = computeAt(oci.endpoint);
    expect((await failure(compute.getInstance())).code).toBe('SERVICE_UNAVAILABLE');
    expect(elsewhere.requests).toEqual([]);
  });

  test('a body without end is cut off', async () => {
    await using oci = await startOci((_, response) => {
      const more = () => {
        while (!response.destroyed && response.write('x'.repeat(65_536)));
      };
      response.on('drain', more);
      more();
    });
    await using compute = computeAt(oci.endpoint);
    expect((await failure(compute.getInstance())).details.reason).toBe('UNREADABLE_ANSWER');
    await oci.requests[0]?.closed;
  });

  test('a server that is not there is SERVICE_UNAVAILABLE, and an action is certain not to have run', async () => {
    const oci = await startOci(wholeVm);
    await oci[Symbol.asyncDispose]();
    await using compute = computeAt(oci.endpoint);
    const read = await failure(compute.getInstance());
    expect([read.code, read.details]).toEqual([
      'SERVICE_UNAVAILABLE',
      { reason: 'OCI_UNREACHABLE', retryAfterSeconds: 5 },
    ]);
    const action = await failure(compute.act('START', { etag: 'e1' }));
    expect(action.details).toEqual({ reason: 'OCI_UNREACHABLE', retryAfterSeconds: 5 });
  });
});

describe('its own life', () => {
  test('an unusable configuration is INTERNAL_ERROR that names the variable and no path, and is read anew next time', async () => {
    await using oci = await startOci(wholeVm);
    const configFile = join(folder, 'later');
    await using compute = computeAt(oci.endpoint, { configFile });
    const error = await failure(compute.getInstance());
    expect(error.code).toBe('INTERNAL_ERROR');
    expect(error.message).toContain('OCI_CONFIG_FILE');
    await writeFile(
      configFile,
      `[VM]\ntenancy=t\nuser=u\nfingerprint=f\nkey_file=${join(folder, 'key.pem')}\npass_phrase=sesame\n`,
    );
    expect((await compute.getInstance()).etag).toBe('e1');
  });

  test('who gives up before it has opened does not wait for that, and takes nobody along', async () => {
    // Reading a pipe ends when somebody writes to it.
    const configFile = join(folder, 'pipe');
    execFileSync('mkfifo', [configFile]);
    await using oci = await startOci(wholeVm);
    await using compute = computeAt(oci.endpoint, { configFile });
    const controller = new AbortController();
    const reason = new Error('the reader left');
    const leaving = compute.getInstance({ signal: controller.signal });
    const staying = failure(compute.getInstance());
    controller.abort(reason);
    await expect(leaving).rejects.toBe(reason);
    await writeFile(configFile, '');
    expect((await staying).message).toContain('OCI_CONFIG_PROFILE');
  });

  test('after disposal nothing is sent any more', async () => {
    await using oci = await startOci(wholeVm);
    const compute = computeAt(oci.endpoint);
    await compute.getInstance();
    await compute[Symbol.asyncDispose]();
    expect((await failure(compute.getInstance())).code).toBe('SERVICE_UNAVAILABLE');
    expect(oci.requests).toHaveLength(1);
  });

  test('one connection serves calls that follow each other, and gathers no listeners (a warning would fail the run)', async () => {
    const ports = new Set<number | undefined>();
    await using oci = await startOci((request, response, nth) => {
      ports.add(response.socket?.remotePort);
      return wholeVm(request, response, nth);
    });
    await using compute = computeAt(oci.endpoint);
    for (let n = 0; n < 30; n += 1) await compute.getInstance();
    expect(ports.size).toBe(1);
  });
});
