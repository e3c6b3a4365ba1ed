// Deadlines that pass when a test says so, however slow the machine is; sockets are as real as ever.

import { setImmediate as nextTurn } from 'node:timers/promises';
import { onTestFinished, vi } from 'vitest';

/** Until the test's end `setTimeout` and `performance.now()` go by the clock that is handed back. Wait with `until` meanwhile: `expect.poll` lets this clock go on each time it looks. */
export function fakeTimeouts() {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  let isOver = false;
  onTestFinished(() => {
    isOver = true;
    vi.useRealTimers();
  });
  const { clock } = setTimeout as unknown as { clock: FakeClock }; // where fake-timers leaves it
  const until = async (condition: () => boolean): Promise<void> => {
    while (!condition()) {
      if (isOver) throw new Error(`Not before the test's end: ${condition}`);
      await nextTurn();
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

interface FakeClock {
  readonly now: number;
  readonly timers?: Readonly<Record<string, { readonly callAt: number }>>;
}
