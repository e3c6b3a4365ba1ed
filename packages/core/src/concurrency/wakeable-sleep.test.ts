// A sleep ends by its time, by wake() and by an abort.

import { expect, test } from 'vitest';
import { createWakeableSleep } from './wakeable-sleep.ts';

const started = () => {
  const controller = new AbortController();
  return { controller, sleep: createWakeableSleep(controller.signal) };
};

test('ends when its time is over', async () => {
  await expect(started().sleep.start(1)).resolves.toBeUndefined();
});

test('without a time ends with wake()', async () => {
  const { sleep } = started();
  let isOver = false;
  const sleeping = sleep.start(undefined).then(() => {
    isOver = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(isOver).toBe(false);
  sleep.wake();
  await sleeping;
});

test('ends with the signal, and does not start after it', async () => {
  const { controller, sleep } = started();
  const sleeping = sleep.start(undefined);
  controller.abort();
  await sleeping;
  await sleep.start(undefined);
});

test('wake() ends the current sleep alone, not the next one', async () => {
  const { sleep } = started();
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
