// A slot is never given out twice, and never lost.

import { describe, expect, it } from 'vitest';
import { createLimiter } from './limiter.ts';

const { signal } = new AbortController();

describe('createLimiter()', () => {
  it('never has more slots taken than allowed, and serves in order', async () => {
    const limiter = createLimiter(() => 2);
    const served: number[] = [];
    let peak = 0;
    await Promise.all(
      Array.from({ length: 10 }, async (_, index) => {
        const release = await limiter.acquire(signal);
        served.push(index);
        peak = Math.max(peak, limiter.active);
        await new Promise((resolve) => setImmediate(resolve));
        release();
      }),
    );
    expect(peak).toBe(2);
    expect(served).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(limiter.active).toBe(0);
  });

  it('frees a slot once, however often it is released', async () => {
    const limiter = createLimiter(() => 1);
    const release = await limiter.acquire(signal);
    release();
    release();
    await limiter.acquire(signal);
    expect(limiter.active).toBe(1);
  });

  it('rejects an aborted waiter with its own reason, and serves the next one', async () => {
    const limiter = createLimiter(() => 1);
    const release = await limiter.acquire(signal);
    const caller = new AbortController();
    const left = limiter.acquire(caller.signal);
    const next = limiter.acquire(signal);
    caller.abort(new Error('left'));
    await expect(left).rejects.toThrow('left');
    release();
    (await next)();
    expect(limiter.active).toBe(0);
  });

  it('rejects a caller whose signal is aborted already', async () => {
    await expect(
      createLimiter(() => 1).acquire(AbortSignal.abort(new Error('gone'))),
    ).rejects.toThrow('gone');
  });

  it('fail() rejects all waiters', async () => {
    const limiter = createLimiter(() => 1);
    await limiter.acquire(signal);
    const waiting = [limiter.acquire(signal), limiter.acquire(signal)];
    limiter.fail(new Error('lost'));
    for (const waiter of waiting) await expect(waiter).rejects.toThrow('lost');
  });

  it('keepFree leaves slots to the callers that do not set it, even while others queue', async () => {
    const limiter = createLimiter(() => 3);
    const read = () => limiter.acquire(signal, { keepFree: 2 });
    const order: string[] = [];
    const first = await read();
    const reads = Array.from({ length: 5 }, async () => {
      const release = await read();
      order.push('read');
      release();
    });
    const changes = [await limiter.acquire(signal), await limiter.acquire(signal)];
    const waiting = limiter.acquire(signal).then((release) => {
      order.push('change');
      release();
    });
    changes[0]?.();
    await waiting;
    expect(order).toEqual(['change']);
    changes[1]?.();
    first();
    await Promise.all(reads);
    expect(order).toEqual(['change', ...Array(5).fill('read')]);
    expect(limiter.active).toBe(0);
  });

  it('grants one slot at a time where keepFree is larger than the limit', async () => {
    const limiter = createLimiter(() => 1);
    const release = await limiter.acquire(signal, { keepFree: 2 });
    release();
    expect(limiter.active).toBe(0);
  });
});
