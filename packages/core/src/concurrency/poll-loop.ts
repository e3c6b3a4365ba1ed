// Work that is done again and again: at its own pace, or at once when something has happened.

import { pause } from './deadline.ts';
import { createRest } from './wakeable-sleep.ts';

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
  const rest = createRest(signal);

  return {
    call: () =>
      new Promise((resolve) => {
        if (signal.aborted) return resolve();
        callers.push(resolve);
        rest.end();
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
      if (callers.length > 0) continue;
      await rest.begin(restMs === undefined ? undefined : Math.max(0, restMs - minRestMs));
    }
    for (const resolve of callers) resolve();
  }
}
