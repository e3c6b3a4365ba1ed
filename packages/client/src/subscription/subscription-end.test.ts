// How a subscription ends before its stream does: refused, left, aborted; and how it waits for its reader.

import { createServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import {
  type CannedAnswer,
  failure,
  result,
  startCannedApi,
} from '../testing/canned-api.test-support.ts';
import {
  type CannedStream,
  openStream,
  startCannedStreams,
  toItemText,
} from '../testing/canned-stream.test-support.ts';
import { fakeTimeouts } from '../testing/fake-timeouts.test-support.ts';
import { expectRejection } from '../testing/rejection.test-support.ts';
import {
  collect,
  collectUntilError,
  type Follow,
  follow,
  until,
} from '../testing/subscription.test-support.ts';

describe('a refused opening is thrown at once:', () => {
  test.each<[string, CannedAnswer, string, number | undefined]>([
    ['no such container', failure(404, { code: 'NOT_FOUND', message: 'No' }), 'NOT_FOUND', 404],
    ['no token', failure(401, { code: 'UNAUTHORIZED', message: 'No' }), 'UNAUTHORIZED', 401],
    [
      'a VM that is off',
      failure(503, { code: 'SERVICE_UNAVAILABLE', message: 'No' }),
      'SERVICE_UNAVAILABLE',
      503,
    ],
    [
      'too many requests',
      failure(429, { code: 'TOO_MANY_REQUESTS', message: 'No' }),
      'TOO_MANY_REQUESTS',
      429,
    ],
    ['a proxy that fails', { status: 502, body: '<h1>' }, 'SERVICE_UNAVAILABLE', 502],
    ['a redirect', { status: 302, headers: { location: '/login' } }, 'INVALID_RESPONSE', 302],
    ['a page', { body: '<html>' }, 'INVALID_RESPONSE', 200],
    ['an answer that is no stream', result({}), 'INVALID_RESPONSE', 200],
    ['an answer without content', { status: 204 }, 'INVALID_RESPONSE', 204],
    [
      'an error that calls itself a stream',
      { status: 500, headers: { 'content-type': 'text/event-stream' } },
      'SERVICE_UNAVAILABLE',
      500,
    ],
  ])('%s', async (_what, answer, code, status) => {
    await using api = await startCannedApi(() => answer);
    const { items, reconnects } = follow(api.url);
    const { error } = await collectUntilError(items);
    expect(error).toMatchObject({ code, status });
    expect(api.requests).toHaveLength(1);
    expect(reconnects).toEqual([]);
  });

  test('nobody listens', async () => {
    const { items } = follow(await closedUrl());
    await expectRejection(collect(items), {
      code: 'NETWORK_ERROR',
      message: /^Could not reach http:\/\/127\.0\.0\.1:\d+, or the connection broke/,
      details: { reason: 'ECONNREFUSED' },
    });
  });

  test('a stream that ends before it began', async () => {
    await using api = await startCannedStreams((stream) => stream.end());
    const { error } = await collectUntilError(follow(api.url).items);
    expect(error.code).toBe('NETWORK_ERROR');
    expect(api.requests).toHaveLength(1);
  });

  test('a token that cannot be had', async () => {
    await using api = await startCannedStreams('hang');
    const client = { token: () => Promise.reject(new Error('no issuer')) };
    const { error } = await collectUntilError(follow(api.url, { client }).items);
    expect(error.code).toBe('TOKEN_ERROR');
    expect(api.requests).toEqual([]);
  });

  test.each<[string, Follow]>([
    ['of the subscription', { client: { timeoutMs: 60_000 }, options: { timeoutMs: 40 } }],
    ['of the client', { client: { timeoutMs: 40 } }],
  ])('no answer within the timeoutMs %s', async (_whose, settings) => {
    const clock = fakeTimeouts();
    await using api = await startCannedStreams('hang');
    const rejected = expectRejection(collect(follow(api.url, settings).items), {
      code: 'TIMEOUT',
      message: /began no stream within 40 ms; try again, or raise timeoutMs$/,
    });
    await expect.poll(() => api.requests.length).toBe(1);
    await clock.pass(40);
    await rejected;
    await expect.poll(api.dropped).toBe(1);
  });

  test('a stream that is held back, as by a proxy that collects it', async () => {
    const clock = fakeTimeouts();
    await using api = await startCannedStreams(() => {});
    const options = { timeoutMs: 40 };
    const failing = collectUntilError(follow(api.url, { options }).items);
    await expect.poll(() => api.requests.length).toBe(1);
    await clock.pass(40);
    expect((await failing).error.code).toBe('TIMEOUT');
    await expect.poll(api.dropped).toBe(1);
  });
});

test('an open stream outlives timeoutMs', async () => {
  const clock = fakeTimeouts();
  let finish = () => {};
  await using api = await startCannedStreams(async (stream) => {
    stream.item('1', 'a');
    finish = stream.finish;
  });
  const given: unknown[] = [];
  for await (const item of follow(api.url, { options: { timeoutMs: 50 } }).items) {
    given.push(item);
    await clock.pass(150);
    finish();
  }
  expect(given).toEqual(['a']);
  expect(api.requests).toHaveLength(1);
});

describe('leaving the loop', () => {
  test('closes the request at once, without an error', async () => {
    await using api = await startCannedStreams((stream) => {
      stream.item('1', 'a');
      stream.item('2', 'b');
    });
    for await (const item of follow(api.url).items) {
      expect(item).toBe('a');
      break;
    }
    await until(() => api.dropped() === 1, 'the request is closed');
    expect(api.requests).toHaveLength(1);
  });

  test('by an error of its own closes the request too', async () => {
    await using api = await startCannedStreams((stream) => stream.item('1', 'a'));
    const mistake = new Error('mine');
    const loop = async () => {
      for await (const _item of follow(api.url).items) throw mistake;
    };
    await expect(loop()).rejects.toBe(mistake);
    await until(() => api.dropped() === 1, 'the request is closed');
  });

  test('ends a wait for the next item, where the iterator is used by hand', async () => {
    await using api = await startCannedStreams((stream) => stream.item('1', 'a'));
    const iterator = follow(api.url).items[Symbol.asyncIterator]();
    expect(await iterator.next()).toEqual({ value: 'a', done: false });
    const waiting = iterator.next();
    expect(await iterator.return?.()).toEqual({ value: undefined, done: true });
    expect(await waiting).toEqual({ value: undefined, done: true });
    expect(await iterator.next()).toEqual({ value: undefined, done: true });
    await until(() => api.dropped() === 1, 'the request is closed');
  });

  test('before its first item sends nothing', async () => {
    await using api = await startCannedStreams('hang');
    const iterator = follow(api.url).items[Symbol.asyncIterator]();
    expect(await iterator.return?.()).toEqual({ value: undefined, done: true });
    expect(await iterator.next()).toEqual({ value: undefined, done: true });
    expect(api.requests).toEqual([]);
  });

  test('during the pause before an attempt ends that too', async () => {
    await using api = await startCannedStreams(async (stream) => {
      await stream.raw(toItemText('1', 'a'));
      stream.cut();
    });
    const { items, reconnects } = follow(api.url, {
      reconnectPolicy: { firstPauseMs: 15_000, maxPauseMs: 15_000 },
    });
    const iterator = items[Symbol.asyncIterator]();
    await iterator.next();
    const waiting = iterator.next();
    await until(() => reconnects.length === 1, 'the connection is lost');
    await iterator.return?.();
    expect(await waiting).toEqual({ value: undefined, done: true });
    expect(api.requests).toHaveLength(1);
  });
});

describe('aborting', () => {
  const reason = new Error('enough');
  const aborted = {
    code: 'ABORTED',
    message: /^The subscription of containers\.followLogs was aborted$/,
  } as const;

  test('beforehand sends nothing', async () => {
    await using api = await startCannedStreams('hang');
    const { items } = follow(api.url, { options: { signal: AbortSignal.abort(reason) } });
    const error = await expectRejection(collect(items), aborted);
    expect(error.cause).toBe(reason);
    expect(api.requests).toEqual([]);
  });

  test('while the token is waited for sends nothing', async () => {
    await using api = await startCannedStreams('hang');
    const controller = new AbortController();
    const token = () => {
      queueMicrotask(() => controller.abort(reason));
      return new Promise<string>(() => {});
    };
    const { items } = follow(api.url, {
      client: { token },
      options: { signal: controller.signal },
    });
    await expectRejection(collect(items), aborted);
    expect(api.requests).toEqual([]);
  });

  test('while the answer is waited for drops the request', async () => {
    const controller = new AbortController();
    await using api = await startCannedApi(() => {
      controller.abort(reason);
      return 'hang';
    });
    const { items } = follow(api.url, { options: { signal: controller.signal } });
    const error = await expectRejection(collect(items), aborted);
    expect(error.cause).toBe(reason);
    await until(() => api.dropped() === 1, 'the request is dropped');
  });

  test('while an item is waited for drops the request', async () => {
    const controller = new AbortController();
    await using api = await startCannedStreams(async (stream) => {
      await stream.raw(toItemText('1', 'a'));
      setTimeout(() => controller.abort(reason), 20);
    });
    const { items } = follow(api.url, { options: { signal: controller.signal } });
    const { given, error } = await collectUntilError(items);
    expect(given).toEqual(['a']);
    expect(error).toMatchObject({ code: 'ABORTED', cause: reason });
    await until(() => api.dropped() === 1, 'the request is dropped');
    expect(api.requests).toHaveLength(1);
  });

  test('while an item is dealt with drops the request, and gives none that came with it', async () => {
    await using api = await startCannedStreams((stream) => {
      stream.item('1', 'a');
      stream.item('2', 'b');
    });
    const controller = new AbortController();
    const given: unknown[] = [];
    const loop = async () => {
      for await (const item of follow(api.url, { options: { signal: controller.signal } }).items) {
        given.push(item);
        controller.abort(reason);
        await until(() => api.dropped() === 1, 'the request is dropped');
      }
    };
    await expectRejection(loop(), aborted);
    expect(given).toEqual(['a']);
  });

  test.each<[string, (abort: () => void) => void]>([
    ['just before', (abort) => abort()],
    ['during', (abort) => setTimeout(abort, 10)],
  ])('%s the pause before an attempt ends that too', async (_when, act) => {
    await using api = await startCannedStreams(async (stream) => {
      await stream.raw(toItemText('1', 'a'));
      stream.cut();
    });
    const controller = new AbortController();
    const { items } = follow(api.url, {
      reconnectPolicy: { firstPauseMs: 15_000, maxPauseMs: 15_000 },
      options: {
        signal: controller.signal,
        onReconnect: () => act(() => controller.abort(reason)),
      },
    });
    const { error } = await collectUntilError(items);
    expect(error).toMatchObject({ code: 'ABORTED', cause: reason });
    expect(api.requests).toHaveLength(1);
  });

  test('at the opening gives none of what came with it', async () => {
    await using api = await startCannedStreams((stream) => stream.item('1', 'a'));
    const controller = new AbortController();
    const { given, error } = await collectUntilError(
      follow(api.url, {
        options: { signal: controller.signal, onOpen: () => controller.abort(reason) },
      }).items,
    );
    expect(given).toEqual([]);
    expect(error.code).toBe('ABORTED');
  });

  test('while it is being opened again ends that too', async () => {
    const controller = new AbortController();
    await using api = await startCannedApi((request) => {
      if (api.requests.length === 2) {
        controller.abort(reason);
        return 'hang';
      }
      return async (response) => {
        const stream = openStream(request, response);
        await stream.raw(toItemText('1', 'a'));
        stream.cut();
      };
    });
    const { items } = follow(api.url, { options: { signal: controller.signal } });
    const { error } = await collectUntilError(items);
    expect(error).toMatchObject({ code: 'ABORTED', cause: reason });
    await until(() => api.dropped() === 2, 'the request is dropped');
  });

  test('after the end changes nothing, and leaves no listener at the signal', async () => {
    await using api = await startCannedStreams((stream) => stream.finish());
    const controller = new AbortController();
    const listeners = countListeners(controller.signal);
    expect(
      await collect(follow(api.url, { options: { signal: controller.signal } }).items),
    ).toEqual([]);
    expect(listeners()).toBe(0);
    controller.abort();
  });

  test('works where fetch ignores its signal', async () => {
    let cancelled = 0;
    const controller = new AbortController();
    const body = new ReadableStream<Uint8Array>({
      start: (to) => to.enqueue(new TextEncoder().encode(toItemText('1', 'a'))),
      cancel: () => void cancelled++,
    });
    const fetch = async () => {
      setTimeout(() => controller.abort(reason), 20);
      return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
    };
    const { items } = follow('http://nowhere.invalid', {
      client: { fetch },
      options: { signal: controller.signal },
    });
    const { given, error } = await collectUntilError(items);
    expect(given).toEqual(['a']);
    expect(error.code).toBe('ABORTED');
    expect(cancelled).toBe(1);
  });

  test('closes a stream that is opened too late', async () => {
    let cancelled = 0;
    let answer = () => {};
    const late = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const fetch = async () => {
      await late;
      const body = new ReadableStream({ cancel: () => void cancelled++ });
      return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
    };
    const { items } = follow('http://nowhere.invalid', {
      client: { fetch },
      options: { timeoutMs: 20 },
    });
    const { error } = await collectUntilError(items);
    expect(error.code).toBe('TIMEOUT');
    answer();
    await until(() => cancelled === 1, 'the late body is cancelled');
  });
});

test('a slow reader holds the server back, and gets every item all the same', async () => {
  const count = 40_000;
  const line = 'x'.repeat(1000);
  let sent = 0;
  await using api = await startCannedApi((request) => async (response) => {
    const stream = openStream(request, response);
    for (; sent < count; sent++)
      if (!response.write(toItemText(String(sent), sent + line)))
        await new Promise((resolve) => response.once('drain', resolve));
    stream.finish();
  });
  const given: unknown[] = [];
  let sentMeanwhile = 0;
  for await (const item of follow(api.url).items) {
    given.push(item);
    if (given.length !== 3) continue;
    await untilQuiet(() => sent);
    sentMeanwhile = sent;
  }
  // What the buffers of both ends and of the kernel hold.
  expect(sentMeanwhile).toBeLessThan(count / 2);
  expect(given).toEqual(Array.from({ length: count }, (_, index) => index + line));
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

/** Resolves when the number has stood still for a while. */
async function untilQuiet(read: () => number): Promise<void> {
  let last = -1;
  while (read() !== last) {
    last = read();
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}

async function closedUrl(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no TCP server');
  return `http://127.0.0.1:${address.port}`;
}

/** Counts by what is added and removed: there is no other way to ask a signal. */
function countListeners(signal: AbortSignal): () => number {
  let count = 0;
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
    count++;
    addEventListener.apply(signal, args);
  };
  signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
    count--;
    removeEventListener.apply(signal, args);
  };
  return () => count;
}
