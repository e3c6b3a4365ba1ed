// Places are few and must neither be given twice nor get lost.

import { describe, expect, it } from 'vitest';
import { createLimiter } from './limiter.ts';

const { signal } = new AbortController();

describe('createLimiter()', () => {
  it('never has more places taken than allowed, and serves in order', async () => {
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

  it('takes a place back once, however often it is given', async () => {
    const limiter = createLimiter(() => 1);
    const release = await limiter.acquire(signal);
    release();
    release();
    await limiter.acquire(signal);
    expect(limiter.active).toBe(1);
  });

  it('lets a waiter leave with its own reason, and passes its turn on', async () => {
    const limiter = createLimiter(() => 1);
    const release = await limiter.acquire(signal);
    const leaver = new AbortController();
    const left = limiter.acquire(leaver.signal);
    const next = limiter.acquire(signal);
    leaver.abort(new Error('left'));
    await expect(left).rejects.toThrow('left');
    release();
    (await next)();
    expect(limiter.active).toBe(0);
  });

  it('refuses a caller who has left already', async () => {
    await expect(
      createLimiter(() => 1).acquire(AbortSignal.abort(new Error('gone'))),
    ).rejects.toThrow('gone');
  });

  it('rejects all who wait when told to fail', async () => {
    const limiter = createLimiter(() => 1);
    await limiter.acquire(signal);
    const waiting = [limiter.acquire(signal), limiter.acquire(signal)];
    limiter.fail(new Error('lost'));
    for (const waiter of waiting) await expect(waiter).rejects.toThrow('lost');
  });

  it('keeps places free for those who need them, whoever else waits', async () => {
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

  it('gives a place to those who leave more than there are, one at a time', async () => {
    const limiter = createLimiter(() => 1);
    const release = await limiter.acquire(signal, { keepFree: 2 });
    release();
    expect(limiter.active).toBe(0);
  });
});
