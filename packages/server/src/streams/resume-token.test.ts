import { expect, test } from 'vitest';
import { createSource } from '../testing/stream.test-support.ts';
import { flatten, toResumableItems } from './resume-token.ts';

test('batches come item by item, empty ones not at all, and each is asked for when it is due', async () => {
  const source = createSource<readonly number[]>();
  source.push([], [1, 2], [], [3]);
  source.end();
  const items = flatten(source)[Symbol.asyncIterator]();
  expect(await items.next()).toEqual({ done: false, value: 1 });
  expect(await items.next()).toEqual({ done: false, value: 2 });
  expect(source.asked).toBe(2);
  expect(await items.next()).toEqual({ done: false, value: 3 });
  expect(await items.next()).toMatchObject({ done: true });
});

test('items get their position as an id', async () => {
  const source = createSource<string>();
  source.push('a');
  const items = toResumableItems(source, (item) => [`at ${item}`, { item }])[
    Symbol.asyncIterator
  ]();
  const { value } = await items.next();
  expect([...(value ?? [])].slice(0, 2)).toEqual(['at a', { item: 'a' }]);
});

test('leaving reaches the source while it is asked for an item', async () => {
  const source = createSource<readonly number[]>();
  const items = toResumableItems(flatten(source), (item) => [`${item}`, item])[
    Symbol.asyncIterator
  ]();
  void items.next();
  await items.return?.();
  expect(source.isLeft).toBe(true);
});
