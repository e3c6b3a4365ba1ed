// Every way in which a call can fail, over real connections, and what its caller then holds.

import { createServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import {
  type Behaviour,
  type CannedApi,
  type CannedError,
  failure,
  result,
  startCannedApi,
} from './canned-api.test-support.ts';
import { createClient } from './client.ts';
import { isApiError, OnDemandError, statusOfCode } from './errors.ts';
import { expectRejection, rejectionOf } from './rejection.test-support.ts';

const unknownOutcome = /; whether the action took place is unknown, so look before you repeat it$/;

describe('an error of the API', () => {
  test.each(Object.entries(statusOfCode))('%s arrives whole', async (code, status) => {
    const details = { requestId: 'r-1', name: 'ngnix', issues: [{ path: 'name' }] };
    const message = "No container named 'ngnix' on oci-flex";
    await using api = await startCannedApi(() => failure(status, { code, message, details }));
    const query = createClient({ url: api.url }).containers.status.query({ name: 'ngnix' });
    const error = await rejectionOf(query);
    expect(error).toMatchObject({ code, status, message, details, requestId: 'r-1' });
    expect(error.cause).toBeUndefined();
  });

  test('is the same from a mutation, and says nothing of an unknown outcome', async () => {
    const message = 'VM already running';
    await using api = await startCannedApi(() => failure(409, { code: 'CONFLICT', message }));
    await expectRejection(createClient({ url: api.url }).vm.start.mutate(), {
      code: 'CONFLICT',
      status: 409,
      message: /^VM already running$/,
    });
  });

  test('is understood without the envelope of tRPC too, as REST and a gateway send it', async () => {
    const body = {
      error: 'Too many requests',
      code: 'TOO_MANY_REQUESTS',
      message: 'Wait 3 s',
      details: { requestId: 'r-2' },
    } satisfies CannedError;
    await using api = await startCannedApi(() => ({ status: 429, body }));
    await expectRejection(createClient({ url: api.url }).vm.status.query(), {
      code: 'TOO_MANY_REQUESTS',
      status: 429,
      message: /^Wait 3 s$/,
      details: { requestId: 'r-2' },
      requestId: 'r-2',
    });
  });

  test('has the request id of the header, where the API could not know it in the body', async () => {
    await using api = await startCannedApi(() => ({
      ...failure(400, { code: 'BAD_REQUEST', message: 'no', details: { requestId: 'unknown' } }),
      headers: { 'x-request-id': 'r-3' },
    }));
    const error = await rejectionOf(createClient({ url: api.url }).vm.status.query());
    expect(error.requestId).toBe('r-3');
  });

  test.each([
    [409, 'CONFLICT'],
    [418, 'BAD_REQUEST'],
    [507, 'INTERNAL_ERROR'],
  ])('of a newer API, with a code unknown here and status %i, becomes %s', async (status, code) => {
    await using api = await startCannedApi(() =>
      failure(status, { code: 'NEVER_SEEN', message: 'It says so' }),
    );
    const error = await rejectionOf(createClient({ url: api.url }).vm.status.query());
    expect(error).toMatchObject({ code, status, message: 'It says so' });
  });
});

describe('something else that answers', () => {
  const html = '<html><body>Bad Gateway</body></html>';

  test.each<[string, Behaviour, { code: string; status: number; message: RegExp }]>([
    [
      "a proxy's 502 page",
      { status: 502, body: html },
      {
        code: 'SERVICE_UNAVAILABLE',
        status: 502,
        message: /answered 502, but not as this API does/,
      },
    ],
    [
      "a proxy's 504 without a body",
      { status: 504 },
      { code: 'SERVICE_UNAVAILABLE', status: 504, message: /a proxy before it cannot reach it/ },
    ],
    [
      "a proxy's 401 page",
      { status: 401, body: html },
      { code: 'UNAUTHORIZED', status: 401, message: /a proxy before it refused the call/ },
    ],
    [
      "a proxy's 403 page",
      { status: 403, body: html },
      { code: 'FORBIDDEN', status: 403, message: /refused/ },
    ],
    [
      "a proxy's 413 page",
      { status: 413, body: html },
      { code: 'PAYLOAD_TOO_LARGE', status: 413, message: /refused/ },
    ],
    [
      "another server's 404 page",
      { status: 404, body: html },
      {
        code: 'INVALID_RESPONSE',
        status: 404,
        message: /but not as this API does; check the url$/,
      },
    ],
    [
      "another server's page",
      { body: html },
      { code: 'INVALID_RESPONSE', status: 200, message: /answered 200, but not as this API does/ },
    ],
    [
      'JSON that ends too early',
      { body: '{"result":{"data":{"vmId":"oci-f' },
      { code: 'INVALID_RESPONSE', status: 200, message: /answered 200/ },
    ],
    [
      'an empty 204',
      { status: 204 },
      { code: 'INVALID_RESPONSE', status: 204, message: /answered 204/ },
    ],
    [
      'the JSON of another API',
      { body: [{ id: 1 }] },
      { code: 'INVALID_RESPONSE', status: 200, message: /answered 200/ },
    ],
    [
      'a result that is none',
      { body: { result: 'ok' } },
      { code: 'INVALID_RESPONSE', status: 200, message: /answered 200/ },
    ],
    [
      'a result under the status of an error',
      { status: 500, body: { result: { data: [] } } },
      { code: 'SERVICE_UNAVAILABLE', status: 500, message: /answered 500/ },
    ],
    [
      'the error of another tRPC API',
      {
        status: 404,
        body: { error: { message: 'no route', code: -32004, data: { code: 'NOT_FOUND' } } },
      },
      { code: 'INVALID_RESPONSE', status: 404, message: /answered 404/ },
    ],
    [
      "a gateway's own error code",
      { status: 400, body: { error: 'x', code: 'NO_ROUTE', message: 'no route' } },
      { code: 'INVALID_RESPONSE', status: 400, message: /answered 400/ },
    ],
    [
      'a redirect to a login',
      { status: 302, headers: { location: 'https://auth.example.com/?rd=secret' } },
      {
        code: 'INVALID_RESPONSE',
        status: 302,
        message:
          /redirects to https:\/\/auth\.example\.com instead of answering; give the url where/,
      },
    ],
    [
      'a redirect within the server',
      { status: 308, headers: { location: '/elsewhere?secret' } },
      { code: 'INVALID_RESPONSE', status: 308, message: /redirects instead of answering/ },
    ],
  ])('%s', async (_what, behaviour, { code, status, message }) => {
    await using api = await startCannedApi(() => behaviour);
    const error = await rejectionOf(createClient({ url: api.url }).vm.status.query());
    expect(error).toMatchObject({ code, status, details: {}, requestId: undefined });
    expect(error.message).toMatch(message);
    expect(error.message).toContain(api.url);
    expect(error.message).not.toMatch(/html|secret|no route/);
    expect(api.requests).toHaveLength(1);
  });

  test('keeps when to try again and the request id of a proxy', async () => {
    await using api = await startCannedApi(() => ({
      status: 503,
      body: html,
      headers: { 'retry-after': '7', 'x-request-id': 'p-1' },
    }));
    const error = await rejectionOf(createClient({ url: api.url }).vm.status.query());
    expect(error).toMatchObject({ details: { retryAfterSeconds: 7 }, requestId: 'p-1' });
  });

  test.each([
    [502, true],
    [200, true],
    [404, false],
    [302, false],
  ])(
    'instead of a mutation, with status %i: the outcome is unknown: %s',
    async (status, isUnknown) => {
      await using api = await startCannedApi(() => ({ status, body: html }));
      const error = await rejectionOf(createClient({ url: api.url }).vm.stop.mutate());
      expect(error.details).toEqual(isUnknown ? { outcome: 'unknown' } : {});
      expect(unknownOutcome.test(error.message)).toBe(isUnknown);
    },
  );
});

describe('no answer', () => {
  test('a refused connection is a NETWORK_ERROR, after which nothing can have happened', async () => {
    const url = `http://127.0.0.1:${await findClosedPort()}`;
    const expected = {
      code: 'NETWORK_ERROR',
      message:
        /^Could not reach http:.*\(ECONNREFUSED\); check the url and that the API runs there$/,
      details: { reason: 'ECONNREFUSED' },
    } as const;
    const error = await expectRejection(createClient({ url }).vm.status.query(), expected);
    expect(error.cause).toBeInstanceOf(TypeError);
    await expectRejection(createClient({ url }).vm.start.mutate(), expected);
  });

  test('a connection cut before the answer leaves the outcome of a mutation unknown', async () => {
    await using api = await startCannedApi(() => 'reset');
    const { vm } = createClient({ url: api.url });
    await expectRejection(vm.status.query(), {
      code: 'NETWORK_ERROR',
      message: /the connection broke \(ECONNRESET\); check the url/,
      details: { reason: 'ECONNRESET' },
    });
    await expectRejection(vm.stop.mutate(), {
      code: 'NETWORK_ERROR',
      message: unknownOutcome,
      details: { reason: 'ECONNRESET', outcome: 'unknown' },
    });
  });

  test('a body cut in its middle is a NETWORK_ERROR', async () => {
    const rawServer = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => {
        socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"result":{"data":1}}');
      });
    });
    await new Promise<void>((resolve) => rawServer.listen(0, '127.0.0.1', resolve));
    try {
      const url = `http://127.0.0.1:${portOf(rawServer)}`;
      const error = await rejectionOf(createClient({ url }).vm.status.query());
      expect(error).toMatchObject({ code: 'NETWORK_ERROR', status: undefined });
    } finally {
      await new Promise((resolve) => rawServer.close(resolve));
    }
  });

  test("`fetch`'s own patience is a TIMEOUT like ours", async () => {
    const cause = Object.assign(new Error('Headers Timeout Error'), {
      code: 'UND_ERR_HEADERS_TIMEOUT',
    });
    const fetch = () => Promise.reject(new TypeError('fetch failed', { cause }));
    const client = createClient({ url: 'http://127.0.0.1', fetch });
    await expectRejection(client.containers.rebuild.mutate({ name: 'app' }), {
      code: 'TIMEOUT',
      message: unknownOutcome,
      details: { reason: 'UND_ERR_HEADERS_TIMEOUT', outcome: 'unknown' },
    });
  });

  test('an unexplained failure of `fetch`, as browsers have it, is a NETWORK_ERROR', async () => {
    const fetch = () => Promise.reject(new TypeError('Failed to fetch'));
    const client = createClient({ url: 'http://127.0.0.1', fetch });
    await expectRejection(client.vm.status.query(), {
      code: 'NETWORK_ERROR',
      message: /^Could not reach http:\/\/127\.0\.0\.1, or the connection broke; check the url/,
    });
  });
});

describe('timeoutMs', () => {
  test('ends a query that gets no answer, and drops its request', async () => {
    await using api = await startCannedApi(() => 'hang');
    const client = createClient({ url: api.url, timeoutMs: 50 });
    await expectRejection(client.vm.status.query(), {
      code: 'TIMEOUT',
      message: /^http:.* did not answer within 50 ms; try again, or raise timeoutMs$/,
    });
    await expect.poll(() => api.dropped()).toBe(1);
  });

  test('of the call wins over that of the client', async () => {
    await using api = await startCannedApi(() => 'hang');
    const client = createClient({ url: api.url, timeoutMs: 60_000 });
    await expectRejection(client.vm.reset.mutate(undefined, { timeoutMs: 50 }), {
      code: 'TIMEOUT',
      message: unknownOutcome,
      details: { outcome: 'unknown' },
    });
  });

  test('ends the wait for a token too, after which nothing is sent', async () => {
    await using api = await startCannedApi(() => result([]));
    let give = (_token: string) => {};
    const token = () => new Promise<string>((resolve) => (give = resolve));
    const client = createClient({ url: api.url, token, timeoutMs: 50 });
    await expectRejection(client.vm.start.mutate(), {
      code: 'TIMEOUT',
      message: /within 50 ms; try again/,
    });
    give('too-late');
    await nothingIsSent(api);
  });

  test('ends an answer that began and does not go on', async () => {
    const rawServer = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{'));
    });
    await new Promise<void>((resolve) => rawServer.listen(0, '127.0.0.1', resolve));
    const closed = new Promise((resolve) =>
      rawServer.once('connection', (s) => s.once('close', resolve)),
    );
    const url = `http://127.0.0.1:${portOf(rawServer)}`;
    const error = await rejectionOf(createClient({ url, timeoutMs: 100 }).vm.status.query());
    expect(error.code).toBe('TIMEOUT');
    await closed;
    await new Promise((resolve) => rawServer.close(resolve));
  });

  test('may be endless', async () => {
    await using api = await startCannedApi(() => result([]));
    const client = createClient({ url: api.url, timeoutMs: Number.POSITIVE_INFINITY });
    expect(await client.containers.list.query()).toEqual([]);
  });
});

describe('signal', () => {
  test('ends a call under way at once, and drops its request', async () => {
    await using api = await startCannedApi(() => 'hang');
    const leave = new AbortController();
    const { signal } = leave;
    const call = createClient({ url: api.url }).vm.stop.mutate(undefined, { signal });
    const rejected = expectRejection(call, {
      code: 'ABORTED',
      message: unknownOutcome,
      details: { outcome: 'unknown' },
    });
    await expect.poll(() => api.requests.length).toBe(1);
    const reason = new Error('the user left');
    leave.abort(reason);
    expect((await rejected).cause).toBe(reason);
    await expect.poll(() => api.dropped()).toBe(1);
  });

  test('that is aborted already sends nothing', async () => {
    await using api = await startCannedApi(() => result([]));
    const signal = AbortSignal.abort('a string');
    await expectRejection(createClient({ url: api.url }).vm.stop.mutate(undefined, { signal }), {
      code: 'ABORTED',
      message: /^The call of vm\.stop was aborted$/,
    });
    await nothingIsSent(api);
  });

  test('can end many calls, and holds on to none that has ended', async () => {
    await using api = await startCannedApi(() => result([]));
    const client = createClient({ url: api.url });
    const { signal } = new AbortController();
    // More than ten listeners at once would be a process warning, which fails the run.
    for (let round = 0; round < 30; round++)
      await client.containers.list.query(undefined, { signal });
    expect(api.requests).toHaveLength(30);
  });
});

test('an input that JSON cannot hold is a BAD_REQUEST, and nothing is sent', async () => {
  await using api = await startCannedApi(() => result([]));
  const name = 10n as unknown as string; // what JavaScript callers can do
  const error = await expectRejection(
    createClient({ url: api.url }).containers.stop.mutate({ name }),
    {
      code: 'BAD_REQUEST',
      message: /^The input of containers\.stop cannot be written as JSON$/,
    },
  );
  expect(error.cause).toBeInstanceOf(TypeError);
  await nothingIsSent(api);
});

test('an error written as JSON says what failed', () => {
  const details = { requestId: 'r-1', name: 'ngnix' };
  const options = { status: 404, details, requestId: 'r-1', cause: new Error('hidden') };
  const error = new OnDemandError('NOT_FOUND', 'No such container', options);
  expect(JSON.parse(JSON.stringify({ error }))).toEqual({
    error: {
      name: 'OnDemandError',
      code: 'NOT_FOUND',
      status: 404,
      message: 'No such container',
      details,
      requestId: 'r-1',
    },
  });
});

test('no failure holds the token, however it is printed', async () => {
  const token = 's3cret-t0ken';
  for (const behaviour of [{ status: 502 }, { body: 'x' }, 'reset', { status: 302 }] as const) {
    await using api = await startCannedApi(() => behaviour);
    const error = await rejectionOf(createClient({ url: api.url, token }).vm.start.mutate());
    expect(JSON.stringify(error) + error.message + error.stack + String(error.cause)).not.toContain(
      token,
    );
  }
});

test.each<[string, Behaviour]>([
  ['an error of the API', failure(404, { code: 'NOT_FOUND', message: 'no' })],
  ['a cut connection', 'reset'],
  ['a timeout', 'hang'],
])('the stack leads to the caller after %s', async (_what, behaviour) => {
  await using api = await startCannedApi(() => behaviour);
  const client = createClient({ url: api.url, timeoutMs: 200 });
  async function callerByName() {
    await client.vm.status.query();
  }
  expect((await rejectionOf(callerByName())).stack).toContain('callerByName');
});

describe('isApiError()', () => {
  const error = new OnDemandError('NOT_FOUND', 'no');

  test.each([
    ['an OnDemandError', error, undefined, true],
    ['one with that code', error, 'NOT_FOUND', true],
    ['one with another code', error, 'CONFLICT', false],
    [
      'another error with such a code',
      Object.assign(new Error(), { code: 'NOT_FOUND' }),
      undefined,
      false,
    ],
    ['nothing', undefined, undefined, false],
  ] as const)('%s', (_what, value, code, expected) => {
    expect(isApiError(value, code)).toBe(expected);
  });
});

/** A request that was sent would have come before this one. */
async function nothingIsSent(api: CannedApi): Promise<void> {
  await fetch(`${api.url}/last`);
  expect(api.requests.map(({ url }) => url)).toEqual(['/last']);
}

async function findClosedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const port = portOf(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function portOf(server: ReturnType<typeof createServer>): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port was given');
  return address.port;
}
