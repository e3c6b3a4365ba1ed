// Deadlines that pass when a test says so, however slow the machine is; sockets are as real as ever.

import { onTestFinished, vi } from 'vitest';
import { until } from './until.test-support.ts';

/** Until the test's end `setTimeout` and `performance.now()` go by the clock that is handed back. `until` and `expect.poll` keep to the real one. */
export function fakeTimeouts() {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  const begun = vi.spyOn(globalThis, 'setTimeout');
  onTestFinished(() => {
    begun.mockRestore();
    vi.useRealTimers();
  });
  const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);
  return {
    pass,
    /** Lets each timeout of so many milliseconds pass once it has begun, until something holds: no deadline passes while a real socket is waited for. */
    passEach: (ms: number, holds: () => boolean) =>
      until(async () => {
        if (holds()) return true;
        if (begun.mock.calls.some(([, delayMs]) => delayMs === ms)) {
          begun.mockClear();
          await pass(ms);
        }
        return false;
      }),
  };
}
