// A rest ends by its time, by a call and by an abort, and leaves nothing of itself.

import { expect, test } from 'vitest';
import { createWakeableSleep } from './wakeable-sleep.ts';

const begun = () => {
  const controller = new AbortController();
  return { controller, sleep: createWakeableSleep(controller.signal) };
};

test('ends when its time is over', async () => {
  await expect(begun().sleep.start(1)).resolves.toBeUndefined();
});

test('without a time of its own ends when it is called', async () => {
  const { sleep } = begun();
  let isOver = false;
  const sleeping = sleep.start(undefined).then(() => {
    isOver = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(isOver).toBe(false);
  sleep.wake();
  await sleeping;
});

test('ends with the signal, and does not begin after it', async () => {
  const { controller, sleep } = begun();
  const sleeping = sleep.start(undefined);
  controller.abort();
  await sleeping;
  await sleep.start(undefined);
});

test('a call ends the rest under way alone, not the next', async () => {
  const { sleep } = begun();
  sleep.wake();
  const first = sleep.start(60_000);
  sleep.wake();
  await first;
  let isOver = false;
  const second = sleep.start(undefined).then(() => {
    isOver = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(isOver).toBe(false);
  sleep.wake();
  await second;
});
