import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { mapBounded } from './map-bounded.ts';

test('the results come in the order of the items, and at most so many are under way', async () => {
  let underWay = 0;
  let most = 0;
  const results = await mapBounded([30, 1, 20, 2, 10], 2, async (ms) => {
    underWay += 1;
    most = Math.max(most, underWay);
    await sleep(ms);
    underWay -= 1;
    return ms * 2;
  });
  expect(results).toEqual([60, 2, 40, 4, 20]);
  expect(most).toBe(2);
});

test('nothing to do is done at once', async () => {
  expect(await mapBounded([], 8, () => Promise.reject(new Error('asked')))).toEqual([]);
});

test('after a failure no more is begun', async () => {
  const begun: number[] = [];
  const work = async (item: number) => {
    begun.push(item);
    await sleep(1);
    if (item === 1) throw new Error('one');
  };
  await expect(mapBounded([1, 2, 3, 4, 5], 2, work)).rejects.toThrow('one');
  await sleep(20);
  expect(begun).toEqual([1, 2]);
});
