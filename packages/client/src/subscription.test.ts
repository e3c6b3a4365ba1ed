// What a subscription gives, over real servers on loopback: its items, once each, whatever breaks between them.

import { tracked } from '@trpc/server';
import { describe, expect, test } from 'vitest';
import { failure } from './canned-api.test-support.ts';
import { type CannedStream, startCannedStreams, toItemText } from './canned-stream.test-support.ts';
import { createClient } from './client.ts';
import { notFound, startRealTrpc } from './real-trpc.test-support.ts';
import { expectRejection } from './rejection.test-support.ts';
import { collect, collectUntilError, follow } from './subscription.test-support.ts';

describe("tRPC's own server", () => {
  test('is followed until it says that it is all, with plain items', async () => {
    const seen: unknown[] = [];
    await using api = await startRealTrpc(async function* (input) {
      seen.push(input);
      yield tracked('1', { line: 'a', stream: 'stdout' });
      await new Promise((resolve) => setTimeout(resolve, 60)); // pings come meanwhile
      yield tracked('2', { line: 'ü\u2028\r\n', stream: 'stderr' });
    });
    const { containers } = createClient({ url: api.url });
    const items = containers.followLogs.subscribe({ name: 'nginx', tail: 10 });
    expect(await collect(items)).toEqual([
      { line: 'a', stream: 'stdout' },
      { line: 'ü\u2028\r\n', stream: 'stderr' },
    ]);
    expect(seen).toEqual([{ name: 'nginx', tail: 10 }]);
  });

  test('is asked again after a cut for what comes after the last item', async () => {
    const seen: unknown[] = [];
    await using api = await startRealTrpc(async function* (input) {
      seen.push(input);
      const next = Number(input?.lastEventId ?? '0') + 1;
      yield tracked(String(next), next);
      if (next < 3) await new Promise(() => {});
    });
    const { items, codes } = follow(api.url);
    const given: unknown[] = [];
    for await (const item of items) {
      given.push(item);
      if (item !== 3) api.cut();
    }
    expect(given).toEqual([1, 2, 3]);
    expect(seen).toEqual([
      { name: 'nginx' },
      { name: 'nginx', lastEventId: '1' },
      { name: 'nginx', lastEventId: '2' },
    ]);
    expect(codes()).toEqual(['NETWORK_ERROR', 'NETWORK_ERROR']);
  });

  test('refuses with its own error, also when it does so in a stream', async () => {
    await using api = await startRealTrpc(() => {
      throw notFound('No ngnix');
    });
    const { items } = follow(api.url);
    await expectRejection(collect(items), {
      code: 'NOT_FOUND',
      status: 404,
      message: 'No ngnix',
      details: { requestId: 'r-1' },
      requestId: 'r-1',
    });
  });
});

test('an item that comes byte by byte is whole', async () => {
  await using api = await startCannedStreams(async (stream) => {
    for (const byte of Buffer.from(toItemText('1', 'ü € 😀'))) await stream.raw(Buffer.of(byte));
    stream.finish();
  });
  expect(await collect(follow(api.url).items)).toEqual(['ü € 😀']);
});

describe('the request', () => {
  test('is a GET that accepts a stream, with the input in its URL and the token in its header', async () => {
    await using api = await startCannedStreams((stream) => stream.finish());
    const input = { name: 'a&b=ü +' };
    const client = { token: 'a-token', headers: { 'x-mine': '1' } };
    expect(await collect(follow(api.url, { input, client }).items)).toEqual([]);
    const [request] = api.requests;
    expect(request?.method).toBe('GET');
    expect(queryOf(request?.url)).toEqual({ input: JSON.stringify(input) });
    expect(request?.headers).toMatchObject({
      accept: 'text/event-stream',
      authorization: 'Bearer a-token',
      'x-mine': '1',
    });
  });

  test('has no query without an input', async () => {
    await using api = await startCannedStreams((stream) => stream.finish());
    await collect(createClient({ url: `${api.url}/prefix/` }).events.subscribe());
    expect(api.requests.map(({ url }) => url)).toEqual(['/prefix/trpc/events']);
  });

  test('is made when the first item is asked for, and once for each loop', async () => {
    await using api = await startCannedStreams((stream) => {
      stream.item('1', 'a');
      stream.finish();
    });
    const { items } = follow(api.url);
    expect(api.requests).toHaveLength(0);
    expect(await Promise.all([collect(items), collect(items)])).toEqual([['a'], ['a']]);
    expect(api.requests).toHaveLength(2);
  });

  test('of an input that JSON cannot hold is not made', async () => {
    await using api = await startCannedStreams('hang');
    await expectRejection(collect(follow(api.url, { input: { name: 1n } }).items), {
      code: 'BAD_REQUEST',
      message: 'The input of containers.followLogs cannot be written as JSON',
    });
    expect(api.requests).toEqual([]);
  });
});

describe('a connection that is lost', () => {
  test.each<[string, (stream: CannedStream) => void]>([
    ['is cut', (stream) => stream.cut()],
    ['ends as HTTP has it, without the word of tRPC', (stream) => stream.end()],
    ['ends inside an event', (stream) => void stream.raw('data: "c"\nid: 3\n').then(stream.end)],
    ['is cut inside an event', (stream) => void stream.raw('data: "c"\nid: 3').then(stream.cut)],
    [
      'is cut inside a character',
      (stream) =>
        void stream.raw(Buffer.from(toItemText('3', 'ü')).subarray(0, 8)).then(stream.cut),
    ],
  ])('and %s is asked for again after its last whole item', async (_what, lose) => {
    await using api = await startCannedStreams(
      async (stream) => {
        stream.connected();
        stream.item('1', 'a');
        await stream.raw(toItemText('2', 'b'));
        lose(stream);
      },
      (stream) => {
        stream.connected();
        stream.item('3', 'c');
        stream.finish();
      },
    );
    const { items, codes } = follow(api.url, { input: { name: 'nginx', lastEventId: '0' } });
    expect(await collect(items)).toEqual(['a', 'b', 'c']);
    expect(api.requests.map(({ url }) => queryOf(url))).toEqual([
      { input: '{"name":"nginx","lastEventId":"0"}' },
      { input: '{"name":"nginx","lastEventId":"0"}', lastEventId: '2' },
    ]);
    expect(codes()).toEqual(['NETWORK_ERROR']);
  });

  test('is asked for again as at first when it gave nothing yet', async () => {
    await using api = await startCannedStreams(
      async (stream) => {
        await stream.raw('event: connected\ndata: {}\n\n');
        stream.cut();
      },
      (stream) => {
        stream.item('1', 'a');
        stream.finish();
      },
    );
    expect(await collect(follow(api.url).items)).toEqual(['a']);
    const [first, second] = api.requests;
    expect(second?.url).toBe(first?.url);
  });

  test('is asked for again after the last id, whatever kind of event had it', async () => {
    await using api = await startCannedStreams(
      async (stream) => {
        stream.item('1', 'a');
        stream.item('', 'b'); // which tRPC follows with this, when it has had an id
        await stream.raw('event: restore-id\ndata: \nid: 5\n\n');
        stream.cut();
      },
      (stream) => stream.finish(),
    );
    expect(await collect(follow(api.url).items)).toEqual(['a', 'b']);
    expect(api.requests.map(({ url }) => queryOf(url).lastEventId)).toEqual([undefined, '5']);
  });

  test('is not asked for again when its items have no ids, as they would come twice', async () => {
    await using api = await startCannedStreams(async (stream) => {
      stream.connected();
      await stream.raw(toItemText(undefined, 'a'));
      stream.end();
    });
    const { given, error } = await collectUntilError(follow(api.url).items);
    expect(given).toEqual(['a']);
    expect(error.code).toBe('NETWORK_ERROR');
    expect(error.message).toContain('closed the stream before its end');
    expect(api.requests).toHaveLength(1);
  });

  test('is asked for again with a token of its own', async () => {
    await using api = await startCannedStreams(loseAfter('1'), loseAfter('2'), (stream) =>
      stream.finish(),
    );
    let count = 0;
    await collect(follow(api.url, { client: { token: () => `token-${++count}` } }).items);
    expect(api.requests.map(({ headers }) => headers.authorization)).toEqual([
      'Bearer token-1',
      'Bearer token-2',
      'Bearer token-3',
    ]);
  });

  test('is asked for again when the token cannot be had for a moment', async () => {
    await using api = await startCannedStreams(loseAfter('1'), (stream) => stream.finish());
    let count = 0;
    const token = () => (++count === 2 ? Promise.reject(new Error('no issuer')) : 'a-token');
    const { items, codes } = follow(api.url, { client: { token } });
    expect(await collect(items)).toEqual(['item 1']);
    expect(codes()).toEqual(['NETWORK_ERROR', 'TOKEN_ERROR']);
  });

  test.each([502, 503, 504])('is asked for again through a proxy that says %i', async (status) => {
    await using api = await startCannedStreams(
      loseAfter('1'),
      { status, body: '<h1>gateway</h1>' },
      'reset',
      (stream) => {
        stream.item('2', 'b');
        stream.finish();
      },
    );
    const { items, codes, reconnects } = follow(api.url);
    expect(await collect(items)).toEqual(['item 1', 'b']);
    expect(codes()).toEqual(['NETWORK_ERROR', 'SERVICE_UNAVAILABLE', 'NETWORK_ERROR']);
    expect(reconnects.map(({ attempt, pauseMs }) => [attempt, pauseMs])).toEqual([
      [1, 1],
      [2, 2],
      [3, 4],
    ]);
    expect(api.requests.map(({ url }) => queryOf(url).lastEventId)).toEqual([
      undefined,
      '1',
      '1',
      '1',
    ]);
  });

  test.each([
    ['header', { status: 503, body: '', headers: { 'retry-after': '1' } }],
    [
      'error',
      failure(429, { code: 'TOO_MANY_REQUESTS', message: '', details: { retryAfterSeconds: 1 } }),
    ],
  ])('is asked for again no sooner than the %s allows', async (_where, answer) => {
    await using api = await startCannedStreams(loseAfter('1'), answer, (stream) => stream.finish());
    const { items, reconnects } = follow(api.url);
    const startedAt = performance.now();
    await collect(items);
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(995);
    expect(reconnects.map(({ pauseMs }) => pauseMs)).toEqual([1, 1002]);
  });

  test('tells of each opening, and of each loss before its pause', async () => {
    await using api = await startCannedStreams(loseAfter('1'), (stream) => stream.finish());
    const told: string[] = [];
    const options = {
      onOpen: () => told.push('open'),
      onReconnect: ({ attempt }: { attempt: number }) => told.push(`lost, attempt ${attempt}`),
    };
    for await (const item of follow(api.url, { options }).items) told.push(String(item));
    expect(told).toEqual(['open', 'item 1', 'lost, attempt 1', 'open']);
  });

  test('is given up after long enough without success, with the last error', async () => {
    await using api = await startCannedStreams(loseAfter('1'), { status: 502, body: '' });
    const { items, reconnects } = follow(api.url, { patience: { giveUpAfterMs: 60 } });
    const { given, error } = await collectUntilError(items);
    expect(given).toEqual(['item 1']);
    expect(error).toMatchObject({ code: 'SERVICE_UNAVAILABLE', status: 502 });
    expect(reconnects.length).toBeGreaterThan(2);
    expect(api.requests).toHaveLength(reconnects.length + 1);
  });

  test('is given up too when it opens again and again and never gives anything', async () => {
    await using api = await startCannedStreams(loseAfter('1'), async (stream) => {
      await stream.raw('event: connected\ndata: {}\n\n');
      stream.cut();
    });
    const { items } = follow(api.url, { patience: { giveUpAfterMs: 60 } });
    const { error } = await collectUntilError(items);
    expect(error.code).toBe('NETWORK_ERROR');
  });

  test.each<[string, number, (stream: CannedStream) => Promise<void>]>([
    [
      'gives an item',
      Number.POSITIVE_INFINITY,
      (stream) => stream.raw(toItemText(`${nextOf(stream)}`, 'item')),
    ],
    ['gives a ping', Number.POSITIVE_INFINITY, (stream) => stream.raw('event: ping\ndata:\n\n')],
    ['lasts', 10_000, (stream) => stream.raw('event: connected\ndata: {}\n\n')],
  ])('is not given up while it %s each time', async (_what, steadyMs, give) => {
    let count = 0;
    await using api = await startCannedStreams(async (stream) => {
      await give(stream);
      if (++count === 20) stream.finish();
      else stream.cut();
    });
    // By this clock a minute goes by at each look.
    let nowMs = 0;
    const now = () => {
      nowMs += 60_000;
      return nowMs;
    };
    const patience = { now, steadyMs, giveUpAfterMs: 250_000 };
    const { items, reconnects } = follow(api.url, { patience });
    await collect(items);
    expect(reconnects.map(({ attempt }) => attempt)).toEqual(Array.from({ length: 19 }, () => 1));
  });

  test.each<[number, string]>([
    [400, 'BAD_REQUEST'],
    [401, 'UNAUTHORIZED'],
    [403, 'FORBIDDEN'],
    [404, 'NOT_FOUND'],
    [500, 'INTERNAL_ERROR'],
  ])('is not asked for a third time after a %i', async (status, code) => {
    await using api = await startCannedStreams(
      loseAfter('1'),
      failure(status, { code, message: 'No' }),
    );
    const { given, error } = await collectUntilError(follow(api.url).items);
    expect(given).toEqual(['item 1']);
    expect(error).toMatchObject({ code, status, message: 'No' });
    expect(api.requests).toHaveLength(2);
  });
});

describe('silence', () => {
  test('without even a ping is a lost connection', async () => {
    await using api = await startCannedStreams(
      (stream) => {
        stream.connected();
        stream.item('1', 'a');
      },
      (stream) => {
        stream.item('2', 'b');
        stream.finish();
      },
    );
    const { items, reconnects } = follow(api.url, { patience: { silenceMs: 50 } });
    expect(await collect(items)).toEqual(['a', 'b']);
    expect(reconnects.map(({ error }) => [error.code, error.message])).toEqual([
      ['TIMEOUT', expect.stringContaining('sent nothing for 50 ms')],
    ]);
    expect(api.dropped()).toBe(1);
  });

  test('is none while pings come', async () => {
    await using api = await startCannedStreams(async (stream) => {
      stream.connected();
      for (let count = 0; count < 8; count++) {
        await new Promise((resolve) => setTimeout(resolve, 200));
        stream.ping();
      }
      stream.finish();
    });
    expect(await collect(follow(api.url, { patience: { silenceMs: 1000 } }).items)).toEqual([]);
    expect(api.requests).toHaveLength(1);
  });

  test('of the one who reads is none', async () => {
    await using api = await startCannedStreams((stream) => {
      stream.item('1', 'a');
      stream.item('2', 'b');
      stream.finish();
    });
    const given: unknown[] = [];
    for await (const item of follow(api.url, { patience: { silenceMs: 20 } }).items) {
      given.push(item);
      await new Promise((resolve) => setTimeout(resolve, 60));
    }
    expect(given).toEqual(['a', 'b']);
    expect(api.requests).toHaveLength(1);
  });
});

describe('an error in the stream', () => {
  const said = (status: number, code: string, details = {}) => ({
    status,
    error: { code, message: 'Why', details: { requestId: 'r-9', ...details } },
  });

  test.each([
    ['a bug', said(500, 'INTERNAL_ERROR')],
    ['a container that is gone', said(404, 'NOT_FOUND')],
    ['a VM that does not run', said(503, 'SERVICE_UNAVAILABLE', { lifecycleState: 'STOPPING' })],
  ])('that tells of %s is thrown, after what came before', async (_what, { status, error }) => {
    await using api = await startCannedStreams((stream) => {
      stream.connected();
      stream.item('1', 'a');
      stream.fail(status, error);
    });
    const thrown = await collectUntilError(follow(api.url).items);
    expect(thrown.given).toEqual(['a']);
    expect(thrown.error).toMatchObject({ ...error, status, requestId: 'r-stream' });
    expect(api.requests).toHaveLength(1);
  });

  test.each<[string, (stream: CannedStream) => void]>([
    ['an item', (stream) => stream.item('1', 'a')],
    ['a ping', (stream) => stream.ping()],
  ])('that may pass is waited out once %s has come', async (_what, give) => {
    const { status, error } = said(503, 'SERVICE_UNAVAILABLE');
    await using api = await startCannedStreams(
      (stream) => {
        stream.connected();
        give(stream);
        stream.fail(status, error);
      },
      (stream) => {
        stream.connected();
        stream.fail(status, error);
      },
      (stream) => {
        stream.item('2', 'b');
        stream.finish();
      },
    );
    const { items, codes } = follow(api.url);
    expect((await collect(items)).at(-1)).toBe('b');
    expect(codes()).toEqual(['SERVICE_UNAVAILABLE', 'SERVICE_UNAVAILABLE']);
  });

  test('that may pass is thrown when it is the first that the stream says', async () => {
    const { status, error } = said(503, 'SERVICE_UNAVAILABLE');
    await using api = await startCannedStreams((stream) => {
      stream.connected();
      stream.fail(status, error);
    });
    await expectRejection(collect(follow(api.url).items), {
      code: 'SERVICE_UNAVAILABLE',
      status: 503,
      message: 'Why',
      details: { requestId: 'r-9' },
      requestId: 'r-stream',
    });
    expect(api.requests).toHaveLength(1);
  });

  test.each([
    ['an error of a stranger', 'event: serialized-error\ndata: {"message":"secret"}\n\n'],
    ['an error that is not JSON', 'event: serialized-error\ndata: secret\n\n'],
    ['an item that is not JSON', 'data: secret\n\n'],
  ])('%s is an INVALID_RESPONSE that does not quote it', async (_what, text) => {
    await using api = await startCannedStreams((stream) => stream.raw(text).then(stream.end));
    const { error } = await collectUntilError(follow(api.url).items);
    expect(error.code).toBe('INVALID_RESPONSE');
    expect(`${error.stack}${JSON.stringify(error)}`).not.toContain('secret');
    expect(api.requests).toHaveLength(1);
  });
});

function loseAfter(id: string) {
  return async (stream: CannedStream) => {
    stream.connected();
    await stream.raw(toItemText(id, `item ${id}`));
    stream.cut();
  };
}

function nextOf({ request }: CannedStream): number {
  return Number(queryOf(request.url).lastEventId ?? '0') + 1;
}

function queryOf(url = ''): Readonly<Record<string, string>> {
  return Object.fromEntries(new URL(url, 'http://127.0.0.1').searchParams);
}
