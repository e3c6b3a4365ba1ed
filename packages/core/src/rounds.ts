// Work that is done again and again: at its own pace, or at once when something has happened.

import { pause } from './deadline.ts';

export interface RoundsOptions {
  /** Does one round and says how long to rest after it; `undefined` until it is called for. What it throws counts as `undefined`. */
  readonly round: (signal: AbortSignal) => Promise<number | undefined>;
  /** Between two rounds, however often they are called for. */
  readonly minRestMs: number;
  readonly signal: AbortSignal;
}

export interface Rounds {
  /** Calls for a round now, or right after the one under way; resolves once it has ended, or the signal has aborted. Never rejects. */
  call(): Promise<void>;
  /** Resolves once the signal has aborted and the round under way has ended; never rejects. */
  readonly done: Promise<void>;
}

/** Begins with a round at once; goes on until the signal aborts. */
export function startRounds({ round, minRestMs, signal }: RoundsOptions): Rounds {
  let callers: (() => void)[] = [];
  let wake = () => {};

  return {
    call: () =>
      new Promise((resolve) => {
        if (signal.aborted) return resolve();
        callers.push(resolve);
        wake();
      }),
    done: run(),
  };

  async function run(): Promise<void> {
    while (!signal.aborted) {
      const served = callers;
      callers = [];
      const restMs = await round(signal).catch(() => undefined);
      for (const resolve of served) resolve();
      // Aborted meanwhile: the loop ends.
      await pause(minRestMs, signal).catch(() => {});
      await rest(restMs === undefined ? undefined : restMs - minRestMs);
    }
    for (const resolve of callers) resolve();
  }

  function rest(durationMs: number | undefined): Promise<void> {
    if (callers.length > 0 || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', end);
        wake = () => {};
        resolve();
      };
      const timer = durationMs === undefined ? undefined : setTimeout(end, durationMs);
      signal.addEventListener('abort', end, { once: true });
      wake = end;
    });
  }
}
