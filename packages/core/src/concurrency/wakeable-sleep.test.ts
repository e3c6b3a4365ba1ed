// A rest ends by its time, by a call and by an abort, and leaves nothing of itself.

import { expect, test } from 'vitest';
import { createRest } from './wakeable-sleep.ts';

const begun = () => {
  const controller = new AbortController();
  return { controller, rest: createRest(controller.signal) };
};

test('ends when its time is over', async () => {
  await expect(begun().rest.begin(1)).resolves.toBeUndefined();
});

test('without a time of its own ends when it is called', async () => {
  const { rest } = begun();
  let isOver = false;
  const resting = rest.begin(undefined).then(() => {
    isOver = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(isOver).toBe(false);
  rest.end();
  await resting;
});

test('ends with the signal, and does not begin after it', async () => {
  const { controller, rest } = begun();
  const resting = rest.begin(undefined);
  controller.abort();
  await resting;
  await rest.begin(undefined);
});

test('a call ends the rest under way alone, not the next', async () => {
  const { rest } = begun();
  rest.end();
  const first = rest.begin(60_000);
  rest.end();
  await first;
  let isOver = false;
  const second = rest.begin(undefined).then(() => {
    isOver = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(isOver).toBe(false);
  rest.end();
  await second;
});
