// What the client sends, over a real server on loopback.

import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { createClient } from './client.ts';
import {
  failure,
  result,
  type SeenRequest,
  startCannedApi,
} from './testing/canned-api.test-support.ts';
import { expectRejection } from './testing/rejection.test-support.ts';

const state = {
  vmId: 'oci-flex',
  lifecycleState: 'RUNNING',
  displayName: 'flex',
  lastCheck: 'now',
};
const secret = 's3cret-t0ken';

test('query() asks with GET and gives the result', async () => {
  await using api = await startCannedApi(() => result(state));
  expect(await createClient({ url: api.url }).vm.status.query()).toEqual(state);
  expect(api.requests).toMatchObject([{ method: 'GET', url: '/trpc/vm.status', body: '' }]);
});

test('query() puts its input into the URL, whatever is in it', async () => {
  await using api = await startCannedApi(() => result({ container: 'a', lines: 0, logs: '' }));
  await createClient({ url: api.url }).containers.logs.query({ name: 'a&b=ü', lines: 5 });
  expect(inputOf(api.requests[0])).toEqual({ name: 'a&b=ü', lines: 5 });
});

test('mutate() sends a POST with its input as JSON', async () => {
  await using api = await startCannedApi(() => result({}));
  const client = createClient({ url: api.url });
  await client.containers.restart.mutate({ name: 'nginx' });
  await client.vm.start.mutate();
  expect(api.requests).toMatchObject([
    {
      method: 'POST',
      url: '/trpc/containers.restart',
      body: '{"name":"nginx"}',
      headers: { 'content-type': 'application/json' },
    },
    { method: 'POST', url: '/trpc/vm.start', body: '' },
  ]);
});

test('a procedure at the top of the router is called like any other', async () => {
  await using api = await startCannedApi(() => result({ sub: 'me' }));
  expect(await createClient({ url: api.url }).whoami.query()).toEqual({ sub: 'me' });
  expect(api.requests[0]?.url).toBe('/trpc/whoami');
});

test('steps of the path can be kept, and awaited without being called', async () => {
  await using api = await startCannedApi(() => result([]));
  const client = await createClient({ url: api.url });
  const { list } = await client.containers;
  await list.query();
  expect(api.requests.map(({ url }) => url)).toEqual(['/trpc/containers.list']);
});

test('a client, and each step of a path, can be printed and written as JSON', () => {
  const client = createClient({ url: 'http://127.0.0.1' });
  expect(JSON.stringify({ client, steps: [client.vm.status] })).toBe('{"steps":[null]}');
  expect(`${client}, ${client.vm.status}`).toBe('OnDemandClient, OnDemandClient.vm.status');
  expect(String(client.containers)).toBe('OnDemandClient.containers');
});

test('a client that is printed shows what there is to call, and never its token', () => {
  const client = createClient({ url: 'http://127.0.0.1', token: secret });
  const printed = inspect(client);
  expect(printed).toMatch(/^Object \[OnDemandClient\] \{/);
  for (const name of [
    'vm: {',
    'restart: { mutate: ',
    'followLogs: { subscribe: ',
    'whoami: { query: ',
  ])
    expect(printed).toContain(name);
  expect(inspect(client.containers)).toContain('rebuild: { mutate: ');
  expect(Object.keys(client.jobs)).toEqual(['list', 'get', 'cancel', 'output']);
  expect(inspect(client, { depth: null, showHidden: true, showProxy: true })).not.toContain(secret);
});

test('an operation that is unknown here is asked of the API, which may be newer', async () => {
  await using api = await startCannedApi(() => result('new'));
  const { vm } = createClient({ url: api.url });
  const { hibernate } = vm as unknown as { hibernate: { mutate(): Promise<unknown> } };
  expect(await hibernate.mutate()).toBe('new');
  expect(api.requests).toMatchObject([{ method: 'POST', url: '/trpc/vm.hibernate' }]);
});

describe('a mistake in the options of createClient()', () => {
  const needed = "createClient({ url: 'https://api.example.com', token: 'eyJ…' })";

  test.each<[string, readonly unknown[], string]>([
    ['no options', [], 'its argument is missing'],
    ['null', [null], 'its argument is missing'],
    ['the URL as a text', ['https://api.example.com'], 'its argument is string'],
    ['a function', [() => secret], 'its argument is function'],
    ['empty options', [{}], 'the options given are none'],
    ['a list', [[]], 'the options given are none'],
    ['the URL alone, as an object', [new URL('https://api.example.com')], 'url: it is missing'],
    ['no url', [{ token: secret }], 'the options given are token'],
    [
      'another name for it',
      [{ baseUrl: 'https://host', token: secret }],
      'given are baseUrl, token',
    ],
    ['url: undefined', [{ url: undefined, token: secret }], 'url: it is missing'],
    ['url: null', [{ url: null }], 'url: it is missing'],
    ['a url that is a number', [{ url: 5000, token: secret }], 'the type of url is number'],
    ['a url that is an object', [{ url: { href: 'https://host' } }], 'the type of url is object'],
    ['a url that is still awaited', [{ url: Promise.resolve('') }], 'the type of url is a promise'],
  ])('%s: says what is needed, by an example', (_what, args, found) => {
    const error = thrownBy(() => Reflect.apply(createClient, undefined, args));
    expect(error).toBeInstanceOf(TypeError);
    expect(error.message).toContain(needed);
    expect(error.message).toContain(found);
    expect(error.message).not.toContain(secret);
  });

  test.each<[string, unknown, string]>([
    ['a number', 5, 'its type is number'],
    ['a list', [secret], 'its type is array'],
    ['an answer of the issuer', { access_token: secret }, 'its type is object'],
    ['true', true, 'its type is boolean'],
    ['a promise', Promise.resolve(secret), 'its type is a promise; await it, or give the function'],
  ])('%s as the token', (_what, token, found) => {
    const options = { url: 'http://127.0.0.1', token };
    const error = thrownBy(() => Reflect.apply(createClient, undefined, [options]));
    expect(error).toBeInstanceOf(TypeError);
    expect(error.message).toMatch(/^token: a string is needed, or a function that gives one/);
    expect(error.message).toContain(found);
    expect(error.message).not.toContain(secret);
  });

  test('what is no function as fetch', () => {
    const options = { url: 'http://127.0.0.1', fetch: 'undici' };
    const error = thrownBy(() => Reflect.apply(createClient, undefined, [options]));
    expect(error).toEqual(
      new TypeError('fetch: a function like the global one is needed; it is string'),
    );
  });
});

test('what is no kind of call is refused without a request', async () => {
  await using api = await startCannedApi(() => result([]));
  const { list } = createClient({ url: api.url }).containers;
  expect(() => (list as unknown as { watch(): void }).watch()).toThrow(
    'containers.list.watch() is no call: a call ends in query(), mutate() or subscribe()',
  );
  expect(api.requests).toEqual([]);
});

test('calls of one moment are requests of their own: a slow and a failed one hold up no other', async () => {
  await using api = await startCannedApi(({ url }) => {
    if (url === '/trpc/vm.status') return 'hang';
    if (url === '/trpc/whoami') return failure(403, { code: 'FORBIDDEN', message: 'no' });
    return result([]);
  });
  const client = createClient({ url: api.url });
  const leave = new AbortController();
  const slow = client.vm.status.query(undefined, { signal: leave.signal });
  const failed = client.whoami.query();
  const good = client.containers.list.query();
  await expectRejection(failed, { code: 'FORBIDDEN', status: 403, message: 'no' });
  expect(await good).toEqual([]);
  leave.abort();
  await expectRejection(slow, { code: 'ABORTED', message: 'The call of vm.status was aborted' });
  expect(api.requests).toHaveLength(3);
});

describe('url', () => {
  test.each([
    ['', '/trpc/vm.status'],
    ['/', '/trpc/vm.status'],
    ['/ondemand', '/ondemand/trpc/vm.status'],
    ['/a/b//', '/a/b/trpc/vm.status'],
  ])('ending in "%s" asks at %s', async (path, expected) => {
    await using api = await startCannedApi(() => result(state));
    await createClient({ url: `${api.url}${path}` }).vm.status.query();
    await createClient({ url: new URL(`${api.url}${path}`) }).vm.status.query();
    expect(api.requests.map(({ url }) => url)).toEqual([expected, expected]);
  });

  test.each([
    ['', 'an absolute URL is needed'],
    ['/api', 'an absolute URL is needed'],
    [`//me:${secret}@host`, 'an absolute URL is needed'],
    [`ftp://me:${secret}@host`, 'http: or https: is needed, not ftp:'],
    ['localhost:5000', 'not localhost:, such as https://api.example.com'],
    [`https://me:${secret}@host`, 'no user, password, query or fragment'],
    [`https://host/?key=${secret}`, 'no user, password, query or fragment'],
    [`https://host/#${secret}`, 'no user, password, query or fragment'],
  ])('%s is refused at once, without its secrets', (url, message) => {
    const error = thrownBy(() => createClient({ url }));
    expect(error).toBeInstanceOf(TypeError);
    expect(error.message).toContain(message);
    expect(error.message).not.toContain(secret);
  });
});

describe('token', () => {
  test.each([
    ['a string', secret],
    ['a string with the line break of its file', `${secret}\n`],
    ['a function', () => secret],
    ['a function that has to wait', async () => secret],
  ])('%s is sent as a bearer token', async (_kind, token) => {
    await using api = await startCannedApi(() => result(state));
    await createClient({ url: api.url, token }).vm.status.query();
    expect(api.requests[0]?.headers.authorization).toBe(`Bearer ${secret}`);
  });

  test.each([
    ['left out', undefined],
    ['empty', ''],
    ['not to be had', () => undefined],
    ['not stored', () => null],
    ['not stored, which takes a moment to say', async () => null],
    ['null', null],
  ])('nothing is sent when it is %s', async (_kind, token) => {
    await using api = await startCannedApi(() => result(state));
    await createClient({ url: api.url, token }).vm.status.query();
    expect(api.requests[0]?.headers).not.toHaveProperty('authorization');
  });

  test('a function is asked before each call, so that it can renew', async () => {
    await using api = await startCannedApi(() => result(state));
    let count = 0;
    const client = createClient({ url: api.url, token: () => `token-${++count}` });
    await client.vm.status.query();
    await client.vm.status.query();
    expect(api.requests.map(({ headers }) => headers.authorization)).toEqual([
      'Bearer token-1',
      'Bearer token-2',
    ]);
  });

  test('a function that fails is a TOKEN_ERROR with its error as the cause, and nothing is sent', async () => {
    await using api = await startCannedApi(() => result(state));
    const cause = new Error('the issuer is down');
    const client = createClient({ url: api.url, token: () => Promise.reject(cause) });
    const error = await expectRejection(client.vm.start.mutate(), {
      code: 'TOKEN_ERROR',
      message: /^The `token` function of the client failed; its own error is the cause$/,
    });
    expect(error.cause).toBe(cause);
    expect(api.requests).toEqual([]);
  });

  test.each([5, true, {}])(
    '%j from a function is a TOKEN_ERROR, from a subscription too',
    async (value) => {
      await using api = await startCannedApi(() => result(state));
      const token = () => value as unknown as string; // what JavaScript callers can do
      const client = createClient({ url: api.url, token });
      const items = client.events.subscribe()[Symbol.asyncIterator]();
      for (const failing of [client.whoami.query(), items.next()])
        await expectRejection(failing, {
          code: 'TOKEN_ERROR',
          message:
            /^The `token` function of the client gave a value of type \w+; a token is a string$/,
        });
      expect(api.requests).toEqual([]);
    },
  );

  test('that is neither a string nor a function is refused at once', () => {
    const token = 5 as unknown as string; // what JavaScript callers can do
    const error = thrownBy(() => createClient({ url: 'http://127.0.0.1', token }));
    expect(error).toBeInstanceOf(TypeError);
    expect(error.message).toMatch(/^token: a string is needed, .*; its type is number$/);
  });

  test.each([
    ['a line break inside', `${secret}\r\nx-evil: 1`],
    ['a space', `Bearer ${secret}`],
    ['a letter that is not ASCII', `${secret}ü`],
    ['a NUL', `${secret}\0`],
  ])('with %s is a TOKEN_ERROR that does not quote it', async (_what, token) => {
    await using api = await startCannedApi(() => result(state));
    const error = await expectRejection(createClient({ url: api.url, token }).vm.status.query(), {
      code: 'TOKEN_ERROR',
      message: /^The token has a space, a line break or another character/,
    });
    expect(everythingIn(error)).not.toContain(secret);
    expect(api.requests).toEqual([]);
  });
});

describe('headers', () => {
  test('are sent with every call, and the token replaces an authorization among them', async () => {
    await using api = await startCannedApi(() => result(state));
    const headers = { Authorization: 'Basic abc', 'X-Request-Id': 'mine' };
    await createClient({ url: api.url, headers }).vm.status.query();
    await createClient({ url: api.url, headers, token: secret }).vm.start.mutate();
    expect(api.requests.map(({ headers }) => headers.authorization)).toEqual([
      'Basic abc',
      `Bearer ${secret}`,
    ]);
    expect(api.requests.map(({ headers }) => headers['x-request-id'])).toEqual(['mine', 'mine']);
  });

  test('that cannot be sent are refused at once, without their values', () => {
    const headers = { 'x-key': `${secret}\nx-evil: 1` };
    const error = thrownBy(() => createClient({ url: 'http://127.0.0.1', headers }));
    expect(error).toBeInstanceOf(TypeError);
    expect(error.message).toContain('headers: ');
    expect(error.message).not.toContain(secret);
  });
});

test.each([-1, 0, Number.NaN, '5000'])('a timeoutMs of %s is refused at once', (given) => {
  const timeoutMs = given as number; // what JavaScript callers can do
  const error = thrownBy(() => createClient({ url: 'http://127.0.0.1', timeoutMs }));
  expect(error).toBeInstanceOf(TypeError);
  expect(error.message).toMatch(/^timeoutMs: .* above 0 .*; current value is /);
});

test('fetch is used when it is given', async () => {
  const seen: unknown[] = [];
  const client = createClient({
    url: 'http://nowhere.invalid',
    fetch: async (input, init) => {
      seen.push([String(input), init?.method]);
      return Response.json({ result: { data: state } });
    },
  });
  expect(await client.vm.status.query()).toEqual(state);
  expect(seen).toEqual([['http://nowhere.invalid/trpc/vm.status', 'GET']]);
});

function inputOf(request: SeenRequest | undefined): unknown {
  const { searchParams } = new URL(request?.url ?? '', 'http://127.0.0.1');
  return JSON.parse(searchParams.get('input') ?? 'null');
}

function thrownBy(act: () => unknown): Error {
  try {
    act();
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error('nothing was thrown');
}

/** The error with its stack and all its causes, as a log would print it. */
function everythingIn(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return [error.message, error.stack, JSON.stringify(error), everythingIn(error.cause)].join('\n');
}
