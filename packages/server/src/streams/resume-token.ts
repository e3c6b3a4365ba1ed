// Items of a subscription with resume tokens: a reader who lost the connection goes on after the last one.

import type { Resumable } from '@ondemand/core';
import { type TrackedEnvelope, tracked } from '@trpc/server';
import { z } from 'zod';

/** Set by a reader who resumes: in the header `Last-Event-ID`, or in the input. */
export const lastEventIdInput = z
  .string()
  .max(128)
  .optional()
  .describe('The id of the last event that you have; the header `Last-Event-ID` says the same');

/** Pulls one item at a time, so that a slow reader slows the source; `return` reaches the source at once, even during a pending `next`. */
export function toResumableItems<Item, Data>(
  items: Resumable<Item>,
  toEntry: (item: Item) => readonly [position: string, data: Data],
): AsyncIterable<TrackedEnvelope<Data>, void> & Pick<Resumable<Item>, 'position'> {
  return fromSource(
    items,
    (source) => async (): Promise<IteratorResult<TrackedEnvelope<Data>, void>> => {
      const result = await source.next();
      return result.done === true
        ? over
        : { done: false, value: tracked(...toEntry(result.value)) };
    },
  );
}

/** Flattens batches to items; pulls a batch once the one before is used up. */
export function flatten<Item>(
  batches: Resumable<readonly Item[]>,
): AsyncIterable<Item, void> & Pick<Resumable<Item>, 'position'> {
  return fromSource(batches, (source) => {
    let batch: Iterator<Item> = [][Symbol.iterator]();
    return async () => {
      for (;;) {
        const item = batch.next();
        if (item.done !== true) return item;
        const result = await source.next();
        if (result.done === true) return over;
        batch = result.value[Symbol.iterator]();
      }
    };
  });
}

const over = { done: true, value: undefined } as const;

/** Not a generator, because its `return` would wait for the pending item. */
function fromSource<Source, Item>(
  items: Resumable<Source>,
  toNext: (source: AsyncIterator<Source>) => () => Promise<IteratorResult<Item, void>>,
): AsyncIterable<Item, void> & Pick<Resumable<Item>, 'position'> {
  return {
    position: items.position,
    [Symbol.asyncIterator]() {
      const source = items[Symbol.asyncIterator]();
      return {
        next: toNext(source),
        async return() {
          await source.return?.();
          return over;
        },
      };
    },
  };
}
