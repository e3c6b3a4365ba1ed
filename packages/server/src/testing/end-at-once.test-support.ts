// The end of a server, without the real second that it leaves to callers who say nothing.

import { onTestFinished, vi } from 'vitest';

/** Meanwhile `setTimeout` goes by a clock that hurries on. */
export async function endAtOnce(server: AsyncDisposable): Promise<void> {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  let isEnding = true;
  const stop = () => {
    isEnding = false;
    vi.useRealTimers();
  };
  onTestFinished(stop); // of a server that never ends
  const ended = Promise.resolve(server[Symbol.asyncDispose]()).finally(stop);
  while (isEnding) await vi.advanceTimersByTimeAsync(100);
  await ended;
}
