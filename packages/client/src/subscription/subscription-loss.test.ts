// What a subscription does when its connection is lost: where it goes on, how long it waits, and when it gives up.

import { describe, expect, test } from 'vitest';
import { failure } from '../testing/canned-api.test-support.ts';
import {
  type CannedStream,
  startCannedStreams,
  toItemText,
} from '../testing/canned-stream.test-support.ts';
import { fakeTimeouts } from '../testing/fake-timeouts.test-support.ts';
import {
  collect,
  collectUntilError,
  follow,
  queryOf,
} from '../testing/subscription.test-support.ts';

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

  test.each([
    [404, 'INVALID_RESPONSE'],
    [502, 'SERVICE_UNAVAILABLE'],
    [503, 'SERVICE_UNAVAILABLE'],
    [504, 'SERVICE_UNAVAILABLE'],
  ])('is asked for again through a proxy that says %i', async (status, code) => {
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
    expect(codes()).toEqual(['NETWORK_ERROR', code, 'NETWORK_ERROR']);
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
    const clock = fakeTimeouts();
    await using api = await startCannedStreams(loseAfter('1'), answer, (stream) => stream.finish());
    const { items, reconnects } = follow(api.url);
    const collecting = collect(items);
    for (const pauseMs of [1, 1002]) {
      await clock.untilDueIn(pauseMs);
      await clock.pass(pauseMs);
    }
    await collecting;
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
    const reconnectPolicy = { now: createTickingClock(1000), giveUpAfterMs: 60_000 };
    const { items, reconnects } = follow(api.url, { reconnectPolicy });
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
    const reconnectPolicy = {
      now: createTickingClock(1000),
      giveUpAfterMs: 60_000,
      steadyMs: 20_000,
    };
    const { items } = follow(api.url, { reconnectPolicy });
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
    const reconnectPolicy = { now: createTickingClock(60_000), steadyMs, giveUpAfterMs: 250_000 };
    const { items, reconnects } = follow(api.url, { reconnectPolicy });
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

function loseAfter(id: string) {
  return async (stream: CannedStream) => {
    stream.connected();
    await stream.raw(toItemText(id, `item ${id}`));
    stream.cut();
  };
}

/** Each reading of the clock is this much later. */
function createTickingClock(tickMs: number): () => number {
  let nowMs = 0;
  return () => {
    nowMs += tickMs;
    return nowMs;
  };
}

function nextOf({ request }: CannedStream): number {
  return Number(queryOf(request.url).lastEventId ?? '0') + 1;
}
