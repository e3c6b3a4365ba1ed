// Makes a stream interruptible at any time, even during a pending `next` of its source.

import type { Resumable } from '@ondemand/core';

/** `interrupted`: there may be more for a reader who reconnects. */
export type StreamEnd = 'finished' | 'interrupted';

/** For one reader; as a last value it tells how it ended. */
export interface StreamItems<Item>
  extends AsyncIterable<Item, StreamEnd>,
    Pick<Resumable<Item>, 'position'> {
  /** Calls back when the stream is interrupted, whether or not anybody asks for an item then. */
  onInterrupted(callback: () => void): void;
}

/** Of a stream that was interrupted before it began. */
export const interruptedItems: StreamItems<never> = {
  position: undefined,
  onInterrupted: (callback) => callback(),
  [Symbol.asyncIterator]: () => ({ next: async () => ({ done: true, value: 'interrupted' }) }),
};

export interface InterruptibleItems<Item> extends StreamItems<Item> {
  /** Ends it and leaves the source, whose later items and failures go nowhere. */
  interrupt(): void;
}

/** `onEnd` is called once, however it ends. */
export function toInterruptible<Item>(
  items: Resumable<Item>,
  onEnd: () => void,
): InterruptibleItems<Item> {
  const source = items[Symbol.asyncIterator]();
  let end: StreamEnd | undefined;
  let answer = (_last: IteratorResult<Item, StreamEnd>) => {};
  let notify = () => {};

  const iterator: AsyncIterator<Item, StreamEnd> = {
    next: () => (end === undefined ? ask() : Promise.resolve({ done: true, value: end })),
    async return() {
      interrupt();
      return { done: true, value: end ?? 'interrupted' };
    },
  };
  return {
    position: items.position,
    [Symbol.asyncIterator]: () => iterator,
    onInterrupted(callback) {
      if (end === 'interrupted') callback();
      else notify = callback;
    },
    interrupt,
  };

  /** By hand, because a race of promises would cost more than all the rest of an item's way. */
  function ask(): Promise<IteratorResult<Item, StreamEnd>> {
    return new Promise((resolve, reject) => {
      answer = resolve;
      source.next().then(
        (result) => {
          if (result.done !== true) resolve(result);
          else resolve({ done: true, value: finish() });
        },
        (error) => {
          finish();
          reject(error); // which is too late once it was interrupted
        },
      );
    });
  }

  function finish(): StreamEnd {
    if (end !== undefined) return end;
    end = 'finished';
    onEnd();
    return end;
  }

  function interrupt(): void {
    if (end !== undefined) return;
    end = 'interrupted';
    onEnd();
    answer({ done: true, value: end });
    notify();
    source.return?.().catch(() => {}); // no reader is left to report it to
  }
}
