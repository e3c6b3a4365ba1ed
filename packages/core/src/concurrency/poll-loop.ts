// Work that is done again and again: at its own pace, or at once when something has happened.

import { pause } from './deadline.ts';
import { createWakeableSleep } from './wakeable-sleep.ts';

export interface PollLoopOptions {
  /** Does one round and says how long to rest after it; `undefined` until it is called for. What it throws counts as `undefined`. */
  readonly poll: (signal: AbortSignal) => Promise<number | undefined>;
  /** Between two rounds, however often they are called for. */
  readonly minIntervalMs: number;
  readonly signal: AbortSignal;
}

export interface PollLoop {
  /** Calls for a round now, or right after the one under way; resolves once it has ended, or the signal has aborted. Never rejects. */
  call(): Promise<void>;
  /** Resolves once the signal has aborted and the round under way has ended; never rejects. */
  readonly done: Promise<void>;
}

/** Begins with a round at once; goes on until the signal aborts. */
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
