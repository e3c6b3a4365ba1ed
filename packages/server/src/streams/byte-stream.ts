// The bytes of a stream of items, with backpressure: available items are written together, and none is pulled that the reader has no room for.

import { Readable } from 'node:stream';
import type { ErrorResponse } from '../http/api-error.ts';
import { createTurns, type TakeTurn } from './event-loop-turns.ts';
import type { StreamEnd, StreamItems } from './interruptible-stream.ts';

export interface Encoding<Item> {
  readonly contentType: string;
  /** Sent before any item; with the resume position, for readers who lose the connection before the first item. */
  toHead(position: string | undefined): string;
  /** Sent when there has been nothing else for a while; empty for none. */
  readonly ping: string;
  toText(item: Item): string;
  /** The last text of a failed stream; undefined cuts the answer off, so that it does not seem complete. */
  toEnd(end: StreamEnd): string | undefined;
  toFailure(failure: ErrorResponse): string | undefined;
}

export interface ItemStreamOptions<Item> {
  readonly encoding: Encoding<Item>;
  /** So long a silence is broken by a ping. */
  readonly pingMs: number;
  readonly toFailure: (error: unknown) => ErrorResponse;
  /** Shared with the other streams of the process. */
  readonly takeTurn?: TakeTurn;
}

/**
 * Reads as the encoded items. At most `maxChunk` and one item wait in memory; destroying it leaves the source.
 * Items that come without waiting share a chunk; none waits for another.
 */
export function createItemStream<Item>(
  items: StreamItems<Item>,
  { encoding, pingMs, toFailure, takeTurn = createTurns() }: ItemStreamOptions<Item>,
): Readable {
  const source = items[Symbol.asyncIterator]();
  let waiting = encoding.toHead(items.position);
  let isWanted = false;
  let isPulling = false;
  let isPausing = false;
  let isOver = false;
  let isCut = false;
  let nextTurn: NodeJS.Immediate | undefined;

  const stream = new Readable({
    highWaterMark: maxChunk,
    read() {
      isWanted = true;
      if (isCut) cut();
      else if (waiting === '') pull();
      else flush();
    },
    destroy(error, done) {
      isOver = true;
      clearTimeout(silence);
      clearImmediate(nextTurn);
      source.return?.().catch(() => {}); // no reader is left to report it to
      done(error);
    },
  });
  const silence = setTimeout(() => {
    silence.refresh();
    if (waiting !== '' || stream.readableLength > 0) return; // a reader who takes nothing needs no ping
    waiting = encoding.ping;
    flush();
    waiting = '';
  }, pingMs);
  return stream;

  function pull(): void {
    if (isPulling || isPausing || isOver || !isWanted) return;
    isPulling = true;
    source.next().then(take, (error) => finish(encoding.toFailure(toFailure(error))));
  }

  function take(result: IteratorResult<Item, StreamEnd>): void {
    isPulling = false;
    if (isOver) return;
    if (result.done === true) {
      finish(encoding.toEnd(result.value));
      return;
    }
    waiting += encoding.toText(result.value);
    if (waiting.length >= maxChunk) {
      flush();
      yieldTurn();
    } else {
      nextTurn ??= setImmediate(flush); // by then whatever needed no waiting is there
      pull();
    }
  }

  /** Where neither side ever waits, the rest of the process would. */
  function yieldTurn(): void {
    isPausing = true;
    takeTurn(() => {
      isPausing = false;
      pull();
    });
  }

  function flush(): void {
    clearImmediate(nextTurn);
    nextTurn = undefined;
    if (!isWanted || waiting === '') return;
    const chunk = waiting;
    waiting = '';
    isWanted = false;
    silence.refresh();
    stream.push(chunk);
  }

  function finish(last: string | undefined): void {
    if (isOver) return;
    isOver = true;
    clearImmediate(nextTurn);
    clearTimeout(silence);
    isCut = last === undefined;
    const chunk = waiting + (last ?? '');
    waiting = '';
    if (chunk !== '') stream.push(chunk);
    if (isCut) cut();
    else stream.push(null);
  }

  /** Once what came before has been taken. */
  function cut(): void {
    if (stream.readableLength === 0)
      stream.destroy(new Error('cut off: this form of a stream has no other way to say it'));
    else stream.push(''); // which answers a `_read`, so that there will be another once more was taken
  }
}

/** In characters: large enough for few writes, small enough for many readers. */
const maxChunk = 32 * 1024;
