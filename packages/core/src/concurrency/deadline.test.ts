// Deadlines of work that observes its signal, and of work that ignores it.

import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { pause, withDeadline } from './deadline.ts';

const late = new Error('late');
const options = { timeoutMs: 20, onTimeout: () => late };
const never = () => new Promise<never>(() => {});

describe('withDeadline()', () => {
  test('resolves with the result of the work', async () => {
    expect(await withDeadline(async () => 7, options)).toBe(7);
  });

  test('rejects with the error of the work, even when it throws synchronously', async () => {
    const broken = new Error('broken');
    const work = () => {
      throw broken;
    };
    await expect(withDeadline(work, options)).rejects.toBe(broken);
  });

  test('fails at the deadline and aborts the work, even work that ignores its signal', async () => {
    let seen: AbortSignal | undefined;
    const work = (signal: AbortSignal) => {
      seen = signal;
      return never();
    };
    await expect(withDeadline(work, options)).rejects.toBe(late);
    expect(seen?.reason).toBe(late);
  });

  test("fails with the caller's reason and aborts the work when the caller aborts", async () => {
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

  test('does not start for a caller that has aborted already', async () => {
    let begun = false;
    const work = async () => {
      begun = true;
    };
    await expect(withDeadline(work, { ...options, signal: AbortSignal.abort(late) })).rejects.toBe(
      late,
    );
    expect(begun).toBe(false);
  });

  test('ignores how the work ends after the deadline', async () => {
    const work = (signal: AbortSignal) =>
      new Promise<never>((_, reject) => {
        signal.addEventListener('abort', () => reject(new Error('too late to matter')));
      });
    await expect(withDeadline(work, options)).rejects.toBe(late);
  });
});

describe('pause()', () => {
  test('rejects early with the reason of its signal', async () => {
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
