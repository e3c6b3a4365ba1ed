// When a long computation yields to the event loop.

import { expect, test } from 'vitest';
import { createTimeSlice } from './time-slice.ts';

test('yields once its slice is over, and not before', async () => {
  let nowMs = 0;
  const giveWay = createTimeSlice({ sliceMs: 8, nowMs: () => nowMs });
  let turns = 0;
  const count = () => {
    turns += 1;
    if (turns < 10) setImmediate(count);
  };
  setImmediate(count);
  for (let step = 0; step < 5; step += 1) await giveWay();
  expect(turns).toBe(0);
  nowMs = 9;
  await giveWay();
  expect(turns).toBe(1);
});
