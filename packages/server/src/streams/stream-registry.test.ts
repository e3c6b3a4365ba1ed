import { AppError } from '@ondemand/core';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { invalidToken } from '../auth/challenge.ts';
import { skewSeconds } from '../auth/claims.ts';
import { createSource } from '../testing/stream.test-support.ts';
import { createOpenStreams } from './stream-registry.ts';

const far = '2100-01-01T00:00:00.000Z'; // farther than a timer can count
let readers = 0;
const nextSubject = () => {
  readers += 1;
  return `reader-${readers}`;
};
const reader = (isShared = false) => ({
  sub: nextSubject(),
  signal: new AbortController().signal,
  expiresAt: far,
  isShared,
});

const tooMany = expect.objectContaining({
  code: 'SERVICE_UNAVAILABLE',
  details: { reason: 'TOO_MANY_STREAMS', retryAfterSeconds: 5 },
});

describe('a place', () => {
  test('is taken by opening, and free again once the items have ended', async () => {
    const streams = createOpenStreams({ max: 1, maxShared: 1 });
    const source = createSource<number>();
    source.push(1);
    source.end();
    const items = streams.open(reader()).follow(source)[Symbol.asyncIterator]();
    expect(await items.next()).toEqual({ done: false, value: 1 });
    expect(() => streams.open(reader())).toThrow(tooMany);
    expect(await items.next()).toEqual({ done: true, value: 'finished' });
    streams.open(reader()).abandon();
    expect(await items.next()).toEqual({ done: true, value: 'finished' });
    expect(source.isLeft).toBe(false); // it ended by itself
  });

  test('is one of a quarter for each subject, so that nobody can take them all', () => {
    const streams = createOpenStreams({ max: 8, maxShared: 8 });
    for (const isShared of [false, true]) {
      const open = (sub: string) => streams.open({ ...reader(isShared), sub });
      open('greedy');
      const second = open('greedy');
      expect(() => open('greedy')).toThrow(tooMany);
      open('other');
      second.abandon();
      open('greedy');
    }
  });

  test('of the shared kind is counted by itself', () => {
    const streams = createOpenStreams({ max: 1, maxShared: 2 });
    streams.open(reader());
    streams.open(reader(true));
    streams.open(reader(true));
    for (const isShared of [false, true])
      expect(() => streams.open(reader(isShared))).toThrow(tooMany);
  });

  test('is free again once the items have failed', async () => {
    const streams = createOpenStreams({ max: 1, maxShared: 1 });
    const source = createSource<number>();
    source.fail(new Error('why'));
    const stream = streams.open(reader());
    const items = stream.follow(source)[Symbol.asyncIterator]();
    await expect(items.next()).rejects.toThrow('why');
    expect(stream.signal.aborted).toBe(true);
    streams.open(reader());
  });

  test.each(['before', 'after'])(
    'is free again once the reader has gone, %s it began',
    async (when) => {
      const streams = createOpenStreams({ max: 1, maxShared: 1 });
      const gone = new AbortController();
      const stream = streams.open({ ...reader(), signal: gone.signal, expiresAt: far });
      const source = createSource<number>();
      if (when === 'before') gone.abort();
      const items = stream.follow(source)[Symbol.asyncIterator]();
      const next = items.next();
      if (when === 'after') gone.abort();
      expect(await next).toEqual({ done: true, value: 'interrupted' });
      expect(stream.signal.aborted).toBe(true);
      expect(source.isLeft).toBe(true);
      streams.open(reader());
    },
  );

  test('is not taken by a reader who has gone already', () => {
    const streams = createOpenStreams({ max: 1, maxShared: 1 });
    expect(
      streams.open({ ...reader(), signal: AbortSignal.abort(), expiresAt: far }).signal.aborted,
    ).toBe(true);
    streams.open(reader());
  });
});

test('an item that comes after the reader has left goes nowhere, and neither does a failure', async () => {
  const source = createSource<number>();
  const items = createOpenStreams({ max: 1, maxShared: 1 })
    .open(reader())
    .follow(source)
    [Symbol.asyncIterator]();
  const next = items.next();
  await items.return?.();
  expect(await next).toEqual({ done: true, value: 'interrupted' });
  source.fail(new Error('late'));
  expect(await items.next()).toEqual({ done: true, value: 'interrupted' });
});

test('a stream ends when its token does, which clocks may differ by half a minute about, and not before', async () => {
  const now = () => Date.parse('2026-02-08T10:16:00.000Z');
  const streams = createOpenStreams({ max: 10, maxShared: 10, now });
  const { signal } = new AbortController();
  const open = (expiresAt: string) =>
    streams
      .open({ ...reader(), signal, expiresAt })
      .follow(createSource<number>())
      [Symbol.asyncIterator]();
  expect(await open('2026-02-08T10:15:30.020Z').next()).toEqual({
    done: true,
    value: 'interrupted',
  });
  const later = vi.fn();
  void open('2026-02-08T11:15:30.000Z').next().then(later);
  void open(far).next().then(later);
  expect(await open('2026-02-08T10:15:29.000Z').next()).toEqual({
    done: true,
    value: 'interrupted',
  });
  expect(later).not.toHaveBeenCalled();
  streams.endAll();
});

test('a stream of a token that has expired lasts for as long as authentication takes that token', () => {
  vi.useFakeTimers();
  onTestFinished(() => {
    vi.useRealTimers();
  });
  const streams = createOpenStreams({ max: 1, maxShared: 1 });
  const expiresAt = new Date(Date.now() - 10_000).toISOString();
  const { signal } = streams.open({ ...reader(), expiresAt });
  vi.advanceTimersByTime(19_999);
  expect(signal.aborted).toBe(false);
  vi.advanceTimersByTime(1);
  expect(signal.aborted).toBe(true);
});

test('a stream whose token ends while it is being opened never began because of that', async () => {
  const streams = createOpenStreams({ max: 1, maxShared: 1 });
  const { signal } = new AbortController();
  const stream = streams.open({
    ...reader(),
    signal,
    expiresAt: new Date(Date.now() - skewSeconds * 1000 + 5).toISOString(),
  });
  await expect.poll(() => stream.signal.aborted).toBe(true);
  expect(() => stream.abandon()).toThrow(expect.objectContaining({ code: 'UNAUTHORIZED' }));
});

describe('a token that may be revoked', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  const streams = () => createOpenStreams({ max: 1, maxShared: 1 });
  const good = async () => {};
  const revoked = invalidToken('The token was revoked');
  const unknown = new AppError('SERVICE_UNAVAILABLE', 'The issuer is out of reach');

  test('ends its stream once it is, and not while that cannot be told', async () => {
    const recheck = vi.fn(good).mockRejectedValueOnce(unknown).mockResolvedValueOnce(undefined);
    const source = createSource<number>();
    const stream = streams().open({ ...reader(), recheck });
    const next = stream.follow(source)[Symbol.asyncIterator]().next();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(recheck).toHaveBeenCalledTimes(12);
    expect(stream.signal.aborted).toBe(false);
    recheck.mockRejectedValueOnce(revoked);
    await vi.advanceTimersByTimeAsync(5000);
    expect(await next).toEqual({ done: true, value: 'interrupted' });
    expect(source.isLeft).toBe(true);
  });

  test('is why a stream that was being opened never began', async () => {
    const stream = streams().open({ ...reader(), recheck: () => Promise.reject(revoked) });
    await vi.advanceTimersByTimeAsync(5000);
    expect(stream.signal.aborted).toBe(true);
    expect(() => stream.abandon()).toThrow(revoked);
  });

  test('that is checked without a verdict, for a reason of our own, is not trusted on', async () => {
    const recheck = () => Promise.reject(new TypeError('a mistake'));
    const stream = streams().open({ ...reader(), recheck });
    await vi.advanceTimersByTimeAsync(5000);
    expect(stream.signal.aborted).toBe(true);
  });

  test('is not asked about once the stream has ended, and an answer that comes then says nothing', async () => {
    let answer = (_error: Error) => {};
    const recheck = vi.fn(
      () =>
        new Promise<void>((_, reject) => {
          answer = reject;
        }),
    );
    const stream = streams().open({ ...reader(), recheck });
    await vi.advanceTimersByTimeAsync(5000);
    stream.abandon();
    answer(revoked);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(recheck).toHaveBeenCalledTimes(1);
    stream.abandon();
  });
});

test('nothing of a stream is kept once it has ended', () => {
  vi.useFakeTimers();
  try {
    const recheck = async () => {};
    createOpenStreams({ max: 1, maxShared: 1 })
      .open({ ...reader(), recheck })
      .abandon();
    expect(vi.getTimerCount()).toBe(0);
  } finally {
    vi.useRealTimers();
  }
});

describe('the end of the process', () => {
  test('interrupts all streams and opens no more', async () => {
    const streams = createOpenStreams({ max: 2, maxShared: 2 });
    const items = streams.open(reader()).follow(createSource<number>())[Symbol.asyncIterator]();
    const next = items.next();
    streams.endAll();
    expect(await next).toEqual({ done: true, value: 'interrupted' });
    expect(() => streams.open(reader())).toThrow(
      expect.objectContaining({
        code: 'SERVICE_UNAVAILABLE',
        details: { reason: 'SHUTTING_DOWN', retryAfterSeconds: 1 },
      }),
    );
  });

  test('is why a stream that was being opened never began', () => {
    const streams = createOpenStreams({ max: 2, maxShared: 2 });
    const stream = streams.open(reader());
    streams.endAll();
    expect(stream.signal.aborted).toBe(true);
    expect(() => stream.abandon()).toThrow('This process of the API ends');
  });
});
