// Waits for work for a bounded time, whether or not it succeeds.

import { setTimeout as sleep } from 'node:timers/promises';

/** Resolves at the end of `work`, good or bad, but not later than in `forMs`; the work continues under its own deadline. */
export async function waitAtMost(work: Promise<unknown>, forMs: number): Promise<void> {
  const ended = new AbortController();
  const ignore = () => {};
  await Promise.race([
    work.then(ignore, ignore),
    sleep(forMs, undefined, { signal: ended.signal }).catch(ignore),
  ]);
  ended.abort();
}
