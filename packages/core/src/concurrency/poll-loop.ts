// A poll loop: runs at its own interval, or at once when a poll is requested.

import { pause } from './deadline.ts';
import { createWakeableSleep } from './wakeable-sleep.ts';

export interface PollLoopOptions {
  /** Polls once and resolves with the sleep after it; `undefined` sleeps until the next `call`. An error counts as `undefined`. */
  readonly poll: (signal: AbortSignal) => Promise<number | undefined>;
  /** Between two polls, however often `call` is called. */
  readonly minIntervalMs: number;
  readonly signal: AbortSignal;
}

export interface PollLoop {
  /** Requests a poll now, or right after the current one; resolves once it has ended, or the signal has aborted. Never rejects. */
  call(): Promise<void>;
  /** Resolves once the signal has aborted and the current poll has ended; never rejects. */
  readonly done: Promise<void>;
}

/** Polls at once, then until the signal aborts. */
export function startPollLoop({ poll, minIntervalMs, signal }: PollLoopOptions): PollLoop {
  let callers: (() => void)[] = [];
  const sleep = createWakeableSleep(signal);

  return {
    call: () =>
      new Promise((resolve) => {
        if (signal.aborted) return resolve();
        callers.push(resolve);
        sleep.wake();
      }),
    done: run(),
  };

  async function run(): Promise<void> {
    while (!signal.aborted) {
      const served = callers;
      callers = [];
      const sleepMs = await poll(signal).catch(() => undefined);
      for (const resolve of served) resolve();
      // Aborted meanwhile: the loop ends.
      await pause(minIntervalMs, signal).catch(() => {});
      if (callers.length > 0) continue;
      await sleep.start(sleepMs === undefined ? undefined : Math.max(0, sleepMs - minIntervalMs));
    }
    for (const resolve of callers) resolve();
  }
}
