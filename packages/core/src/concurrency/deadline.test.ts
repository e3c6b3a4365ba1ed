// Deadlines against works that listen and works that do not.

import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { pause, withDeadline } from './deadline.ts';

const late = new Error('late');
const options = { timeoutMs: 20, onTimeout: () => late };
const never = () => new Promise<never>(() => {});

describe('withDeadline()', () => {
  test('gives what the work gives', async () => {
    expect(await withDeadline(async () => 7, options)).toBe(7);
  });

  test('fails as the work fails, even when it throws at once', async () => {
    const broken = new Error('broken');
    const work = () => {
      throw broken;
    };
    await expect(withDeadline(work, options)).rejects.toBe(broken);
  });

  test('fails at the deadline and aborts the work, even a work that does not listen', async () => {
    let seen: AbortSignal | undefined;
    const work = (signal: AbortSignal) => {
      seen = signal;
      return never();
    };
    await expect(withDeadline(work, options)).rejects.toBe(late);
    expect(seen?.reason).toBe(late);
  });

  test("fails with the caller's reason and aborts the work when the caller leaves", async () => {
    const caller = new AbortController();
    let seen: AbortSignal | undefined;
    const waiting = withDeadline(
      (signal) => {
        seen = signal;
        return never();
      },
      { ...options, timeoutMs: 60_000, signal: caller.signal },
    );
    const left = new Error('left');
    caller.abort(left);
    await expect(waiting).rejects.toBe(left);
    expect(seen?.reason).toBe(left);
  });

  test('does not begin for a caller that has left', async () => {
    let begun = false;
    const work = async () => {
      begun = true;
    };
    await expect(withDeadline(work, { ...options, signal: AbortSignal.abort(late) })).rejects.toBe(
      late,
    );
    expect(begun).toBe(false);
  });

  test('swallows what a work says after it was given up', async () => {
    const work = (signal: AbortSignal) =>
      new Promise<never>((_, reject) => {
        signal.addEventListener('abort', () => reject(new Error('too late to matter')));
      });
    await expect(withDeadline(work, options)).rejects.toBe(late);
  });
});

describe('pause()', () => {
  test('ends early with the reason of its signal', async () => {
    const caller = new AbortController();
    const waiting = pause(60_000, caller.signal);
    caller.abort(late);
    await expect(waiting).rejects.toBe(late);
    await expect(pause(60_000, caller.signal)).rejects.toBe(late);
  });

  test('lasts as long as asked', async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    let over = false;
    const waiting = pause(30).then(() => {
      over = true;
    });
    await vi.advanceTimersByTimeAsync(29);
    expect(over).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(over).toBe(true);
    await waiting;
  });
});
