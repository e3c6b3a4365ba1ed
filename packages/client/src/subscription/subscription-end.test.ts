// How a subscription ends before its stream does: its reader leaves, or its signal aborts.

import { describe, expect, test } from 'vitest';
import { startCannedApi } from '../testing/canned-api.test-support.ts';
import {
  openStream,
  startCannedStreams,
  toItemText,
} from '../testing/canned-stream.test-support.ts';
import { expectRejection } from '../testing/rejection.test-support.ts';
import { collect, collectUntilError, follow, until } from '../testing/subscription.test-support.ts';

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
