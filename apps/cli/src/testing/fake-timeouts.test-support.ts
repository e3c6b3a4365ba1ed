// Timeouts that pass when a test says so, however slow the machine is; sockets are as real as ever.

import { syncBuiltinESMExports } from 'node:module';
import timersPromises from 'node:timers/promises';
import { onTestFinished, vi } from 'vitest';

/** Until the test's end timeouts, also those of `node:timers/promises`, and `performance.now()` go by the clock that is handed back. Wait with `until` meanwhile: `expect.poll` lets this clock go on each time it looks. */
export function fakeTimeouts() {
  const realSleep = timersPromises.setTimeout;
  vi.useFakeTimers({ toFake: [...timers, 'performance'] });
  replaceSleep(fakeSleep as typeof realSleep); // the part of it that the CLI uses
  let isOver = false;
  onTestFinished(() => {
    isOver = true;
    vi.useRealTimers();
    replaceSleep(realSleep);
  });
  const { clock } = setTimeout as unknown as { clock: FakeClock }; // where fake-timers leaves it
  const until = async (condition: () => boolean): Promise<void> => {
    while (!condition()) {
      if (isOver) throw new Error(`Not before the test's end: ${condition}`);
      await timersPromises.setImmediate();
    }
  };
  return {
    pass: (ms: number) => vi.advanceTimersByTimeAsync(ms),
    until,
    /** Resolves once a timeout is due in exactly so long: what sets it has come that far. */
    untilDueIn: (ms: number) =>
      until(() =>
        Object.values(clock.timers ?? {}).some(({ callAt }) => callAt - clock.now === ms),
      ),
  };
}

const timers = ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] as const;

interface FakeClock {
  readonly now: number;
  readonly timers?: Readonly<Record<string, { readonly callAt: number }>>;
}

/** Vitest leaves this one alone. */
function replaceSleep(sleep: typeof timersPromises.setTimeout): void {
  timersPromises.setTimeout = sleep;
  syncBuiltinESMExports(); // for those who import it by name
}

function fakeSleep(ms: number, value?: unknown, { signal }: { signal?: AbortSignal } = {}) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', abort);
      resolve(value);
    }, ms);
    signal?.addEventListener('abort', abort, { once: true });
    if (signal?.aborted) abort();
    function abort(): void {
      clearTimeout(timer);
      reject(new DOMException('The operation was aborted', 'AbortError'));
    }
  });
}
