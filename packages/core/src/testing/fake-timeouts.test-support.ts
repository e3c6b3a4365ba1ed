// Deadlines that pass when a test says so, however slow the machine is; sockets are as real as ever.

import { onTestFinished, vi } from 'vitest';

/** Until the test's end `setTimeout` and `performance.now()` go by the clock that is handed back. `until` and `expect.poll` keep to the real one. */
export function fakeTimeouts() {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  return { pass: (ms: number) => vi.advanceTimersByTimeAsync(ms) };
}
