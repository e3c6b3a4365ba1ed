// What every test relies on to leave nothing behind.

import { describe, expect, test } from 'vitest';
import { createDisposer, openAll, openSuite } from './disposer.ts';

describe('createDisposer()', () => {
  test('closes in reverse, goes on after a failure, and then tells it', async () => {
    const closed: string[] = [];
    const disposer = createDisposer();
    disposer.add(async () => closed.push('first'));
    disposer.add(() => Promise.reject(new Error('stuck')));
    disposer.add(async () => closed.push('last'));
    await expect(disposer[Symbol.asyncDispose]()).rejects.toMatchObject({
      errors: [expect.objectContaining({ message: 'stuck' })],
    });
    expect(closed).toEqual(['last', 'first']);
  });

  test('closes everything once, however often it is disposed', async () => {
    let count = 0;
    const disposer = createDisposer();
    disposer.add(async () => {
      count += 1;
    });
    await disposer[Symbol.asyncDispose]();
    await disposer[Symbol.asyncDispose]();
    expect(count).toBe(1);
  });
});

describe('openAll()', () => {
  test('closes what was opened when a later opening fails', async () => {
    const closed: string[] = [];
    const opening = openAll(async (opened) => {
      opened.add(async () => closed.push('first'));
      throw new Error('no second');
    });
    await expect(opening).rejects.toThrow('no second');
    expect(closed).toEqual(['first']);
  });

  test('leaves it open when all is well, and closes all of it with the result', async () => {
    const closed: string[] = [];
    const world = await openAll(async (opened) => {
      opened.add(async () => closed.push('first'));
      const second = opened.use({
        async [Symbol.asyncDispose]() {
          closed.push('second');
        },
      });
      return { second };
    });
    expect(closed).toEqual([]);
    await world[Symbol.asyncDispose]();
    expect(closed).toEqual(['second', 'first']);
  });

  test('takes no result that would close only a part, which the types check', async () => {
    // @ts-expect-error -- a part of what is opened, with its own way to close
    await using world = await openAll(async (opened) => opened);
    expect(world).toBeTypeOf('object');
  });
});

describe('openSuite()', () => {
  test('resolves with what closes everything', async () => {
    const closed: string[] = [];
    const close = await openSuite(async (opened) => {
      opened.add(async () => closed.push('first'));
    });
    expect(closed).toEqual([]);
    await close();
    expect(closed).toEqual(['first']);
  });
});
