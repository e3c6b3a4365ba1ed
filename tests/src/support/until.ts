// Tests wait for what they need to see, never for a time.

import { setTimeout as sleep } from 'node:timers/promises';

export interface UntilOptions {
  readonly timeoutMs?: number;
  /** Between probes; left out, it grows from one to the next. */
  readonly intervalMs?: number;
}

/**
 * Resolves with the first truthy answer of `probe`; rejects after `timeoutMs`, naming what was waited for and how the last probe failed.
 * @example
 * const pid = await until('the pid file', () => readPid(path));
 */
export async function until<T>(
  what: string,
  probe: () => T | Promise<T>,
  { timeoutMs = 120_000, intervalMs }: UntilOptions = {},
): Promise<NonNullable<T>> {
  const deadline = performance.now() + timeoutMs;
  let lastError: unknown;
  for (let pauseMs = intervalMs ?? firstPauseMs; ; pauseMs = intervalMs ?? toNextPause(pauseMs)) {
    try {
      const answer = await probe();
      if (answer) return answer;
      lastError = undefined;
    } catch (error) {
      lastError = error;
    }
    if (performance.now() >= deadline) {
      throw new Error(`Waited ${timeoutMs} ms in vain for ${what}`, { cause: lastError });
    }
    await sleep(pauseMs);
  }
}

/** What takes long is asked for less often: a probe may be a request, and costs what the machine has. */
const toNextPause = (pauseMs: number) => Math.min(pauseMs * 1.5, longestPauseMs);
const firstPauseMs = 25;
const longestPauseMs = 100;
