// The machine's two clocks: wall-clock time, which may be set, and monotonic time for durations.

import type { Clock } from '../adapter-ports.ts';

export const systemClock: Clock = {
  now: () => new Date(),
  elapsedMs: () => performance.now(),
};
