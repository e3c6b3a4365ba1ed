// The machine's two clocks: one tells the time and may be set, the other measures how long something took.

import type { Clock } from '../ports.ts';

export const systemClock: Clock = {
  now: () => new Date(),
  elapsedMs: () => performance.now(),
};
