// Deadlines that pass when a test says so, however slow the machine is; sockets are as real as ever.

import { onTestFinished, vi } from 'vitest';
import { until } from './until.test-support.ts';

/** Until the test's end `setTimeout` and `performance.now()` go by the clock that is handed back. `until` keeps to the real one; `expect.poll` lets this one go on each time it looks. */
export function fakeTimeouts() {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  const { clock } = setTimeout as unknown as { clock: FakeClock }; // where fake-timers leaves it
  const isWaitedFor = (ms: number) =>
    Object.values(clock.timers ?? {}).some(({ delay }) => delay === ms);
  const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);
  return {
    pass,
    /** Lets each timeout of so many milliseconds pass once it has begun, until something holds: no deadline passes while a real socket is waited for. */
    passEach: (ms: number, holds: () => boolean) =>
      until(async () => {
        if (holds()) return true;
        if (isWaitedFor(ms)) await pass(ms);
        return false;
      }),
  };
}

interface FakeClock {
  readonly timers?: Readonly<Record<string, { readonly delay: number }>>;
}
