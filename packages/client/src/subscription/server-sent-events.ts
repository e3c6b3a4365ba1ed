// Reads server-sent events, within a size, from text that comes in pieces.

import { createParser } from 'eventsource-parser';

export interface ServerSentEvent {
  /** `message` where the stream names none. */
  readonly type: string;
  readonly data: string;
  /** Undefined where the stream gives none; empty where it resets the last one. */
  readonly id: string | undefined;
}

/** Gives the events that the text completes; an incomplete one is kept until the next text, or is lost with the stream. */
export type ReadEvents = (text: string) => Generator<ServerSentEvent, void>;

export interface EventReaderOptions {
  /** Of one event's data, or of a line that has not ended, so that memory is bounded. */
  readonly maxChars: number;
  /** Makes the error that is thrown for a larger one. */
  readonly onTooLarge: () => Error;
}

export function createEventReader({ maxChars, onTooLarge }: EventReaderOptions): ReadEvents {
  const events: ServerSentEvent[] = [];
  let isTooLarge = false;
  const parser = createParser({
    maxBufferSize: maxChars,
    onEvent({ event: type = 'message', data, id }) {
      isTooLarge ||= data.length > maxChars;
      if (!isTooLarge) events.push({ type, data, id });
    },
    onError({ type }) {
      isTooLarge ||= type === 'max-buffer-size-exceeded';
    },
  });

  return function* read(text) {
    parser.feed(text);
    yield* events.splice(0);
    if (isTooLarge) throw onTooLarge();
  };
}
