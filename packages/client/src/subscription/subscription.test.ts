// What a subscription asks for and gives, over real servers on loopback: its items, once each, and the errors among them.

import { tracked } from '@trpc/server';
import { describe, expect, test } from 'vitest';
import { createClient } from '../client.ts';
import {
  type CannedStream,
  startCannedStreams,
  toItemText,
} from '../testing/canned-stream.test-support.ts';
import { fakeTimeouts } from '../testing/fake-timeouts.test-support.ts';
import { notFound, startRealTrpc } from '../testing/real-trpc.test-support.ts';
import { expectRejection } from '../testing/rejection.test-support.ts';
import {
  collect,
  collectUntilError,
  follow,
  queryOf,
} from '../testing/subscription.test-support.ts';

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

describe('silence', () => {
  test('without even a ping is a lost connection', async () => {
    const clock = fakeTimeouts();
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
    const { items, reconnects } = follow(api.url, { reconnectPolicy: { silenceMs: 50 } });
    const given: unknown[] = [];
    const reading = (async () => {
      for await (const item of items) given.push(item);
    })();
    await clock.until(() => given.length === 1);
    await clock.pass(50);
    await clock.until(() => reconnects.length === 1);
    await clock.pass(5);
    await reading;
    expect(given).toEqual(['a', 'b']);
    expect(reconnects.map(({ error }) => [error.code, error.message])).toEqual([
      ['TIMEOUT', expect.stringContaining('sent nothing for 50 ms')],
    ]);
    expect(api.dropped()).toBe(1);
  });

  test('is none while pings come', async () => {
    const clock = fakeTimeouts();
    await using api = await startCannedStreams(async (stream) => {
      stream.connected();
      for (let count = 0; count < 12; count++) {
        await clock.untilDueIn(2000);
        await clock.pass(200);
        stream.ping();
      }
      stream.finish();
    });
    expect(await collect(follow(api.url, { reconnectPolicy: { silenceMs: 2000 } }).items)).toEqual(
      [],
    );
    expect(api.requests).toHaveLength(1);
  });

  test('of the one who reads is none', async () => {
    const clock = fakeTimeouts();
    await using api = await startCannedStreams((stream) => {
      stream.item('1', 'a');
      stream.item('2', 'b');
      stream.finish();
    });
    const given: unknown[] = [];
    for await (const item of follow(api.url, { reconnectPolicy: { silenceMs: 20 } }).items) {
      given.push(item);
      await clock.pass(60);
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
    ['an error of another server', 'event: serialized-error\ndata: {"message":"secret"}\n\n'],
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

test('many streams at once share nothing', async () => {
  await using api = await startCannedStreams(async (stream: CannedStream) => {
    const own = JSON.parse(new URL(stream.request.url, api.url).searchParams.get('input') ?? '');
    for (let count = 1; count <= 5; count++) await stream.raw(toItemText(`${count}`, [own, count]));
    stream.finish();
  });
  const all = await Promise.all(
    Array.from({ length: 50 }, (_, own) => collect(follow(api.url, { input: own }).items)),
  );
  expect(all).toEqual(
    Array.from({ length: 50 }, (_, own) => [1, 2, 3, 4, 5].map((count) => [own, count])),
  );
});
