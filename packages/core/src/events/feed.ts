// A buffer of the latest events, and any number of listeners, each with its own read position.

import type { Clock } from '../adapter-ports.ts';
import type { OnDemandEvent } from '../model/event.ts';
import type { Resumable } from '../model/resumable-stream.ts';

export interface EventWithPosition {
  readonly event: OnDemandEvent;
  /** Fit for `Last-Event-ID`; of this process alone. */
  readonly position: string;
}

export interface EventFeedOptions {
  /** So many events are kept. */
  readonly capacity: number;
  readonly clock: Clock;
  readonly randomHex: (digits: number) => string;
}

export interface EventFeed {
  publish(event: OnDemandEvent): void;
  /**
   * What comes after `after` when all of that is still kept, else a `resync` and what comes from now on; without `after` what comes from now on.
   * A listener costs no memory: one that falls behind what is kept gets a `resync` as well. Ends with `end`; `onEnd` is called once, however it ends.
   */
  listen(options: { readonly after: string | undefined; readonly onEnd: () => void }): FeedListener;
  /** Forgets all events: positions from before lead to a `resync`. For when nobody listens. */
  forget(): void;
}

export interface FeedListener
  extends AsyncIterableIterator<EventWithPosition, undefined>,
    Pick<Resumable<EventWithPosition>, 'position'> {
  /** Continues with new events only, like a new listener. */
  skip(): void;
  /** Goes back to the oldest event that is kept. */
  rewind(): void;
  /** Ends the iteration after what is known by now. */
  stopHere(): void;
  /** Ends the iteration at once, also one that waits. */
  end(): void;
}

/** Positions are `EPOCH-NUMBER`: a random word of this process, and how many events there were since. */
export function createEventFeed({ capacity, clock, randomHex }: EventFeedOptions): EventFeed {
  const listeners = new Set<() => void>();
  /** Those that are still to be woken for the newest event. */
  const due = new Set<() => void>();
  let kept: EventWithPosition[] = [];
  let epoch = randomHex(epochDigits);
  /** The number of the newest event. */
  let head = 0;

  return {
    publish(event) {
      head += 1;
      kept[head % capacity] = { event, position: toPosition(head) };
      const isWaking = due.size > 0;
      for (const wake of listeners) due.add(wake);
      if (!isWaking) wakeSome();
    },
    listen: ({ after, onEnd }) => createListener(after, onEnd),
    forget() {
      kept = [];
      head = 0;
      epoch = randomHex(epochDigits);
    },
  };

  /** So many listeners at a time that the rest of the process has its turn in between. */
  function wakeSome(): void {
    for (const wake of [...due].slice(0, wokenAtOnce)) {
      due.delete(wake);
      wake();
    }
    if (due.size > 0) setImmediate(wakeSome);
  }

  function createListener(after: string | undefined, onEnd: () => void): FeedListener {
    const resumed = after === undefined ? head : parsePosition(after);
    let last = resumed ?? head;
    let missed = resumed === undefined ? unknownPosition : undefined;
    let beginning = missed === undefined ? toPosition(last) : undefined;
    let lastWanted = Number.POSITIVE_INFINITY;
    let ended = false;
    const waiting = new Set<() => void>();
    const wake = () => {
      for (const resume of waiting) resume();
      waiting.clear();
    };
    listeners.add(wake);

    const take = (): EventWithPosition | undefined => {
      if (last < head - capacity) {
        missed = `You fell more than ${capacity} events behind`;
        last = head;
      }
      if (missed !== undefined) return takeResync(missed);
      if (last === head) return undefined;
      last += 1;
      return kept[last % capacity];
    };
    const takeResync = (reason: string): EventWithPosition => {
      missed = undefined;
      const time = clock.now().toISOString();
      return { event: { type: 'resync', time, reason }, position: toPosition(last) };
    };
    const end = () => {
      if (ended) return;
      ended = true;
      listeners.delete(wake);
      due.delete(wake);
      wake();
      onEnd();
    };

    return {
      get position() {
        return beginning;
      },
      skip() {
        last = head;
        beginning = toPosition(last);
      },
      rewind() {
        last = Math.max(0, head - capacity);
        beginning = toPosition(last);
      },
      stopHere() {
        lastWanted = head;
      },
      end,
      async next() {
        for (;;) {
          if (ended) return { done: true, value: undefined };
          const value = last < lastWanted || missed !== undefined ? take() : undefined;
          if (value !== undefined) return { done: false, value };
          if (last >= lastWanted) end();
          if (ended) continue;
          await new Promise<void>((resolve) => waiting.add(resolve));
        }
      },
      async return() {
        end();
        return { done: true, value: undefined };
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  function toPosition(number: number): string {
    return `${epoch}-${number}`;
  }

  /** `undefined` for what is none of ours, and when what came after it is not kept any more. */
  function parsePosition(text: string): number | undefined {
    const [, word, digits] = positionPattern.exec(text) ?? [];
    const number = Number(digits);
    const isKept = word === epoch && number <= head && number >= head - capacity;
    return isKept ? number : undefined;
  }
}

const unknownPosition = 'What came after the last event that you have is not known any more';
const wokenAtOnce = 20;
const epochDigits = 16;
const positionPattern = /^([0-9a-f]{16})-(0|[1-9]\d{0,14})$/;
