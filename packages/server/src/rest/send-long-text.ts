// Sends a long text piece by piece, so that memory never holds a second whole copy and no other request waits for the whole of it.

import { Readable } from 'node:stream';
import type { LogText } from '@ondemand/core';
import type { FastifyRequest } from 'fastify';
import type { TakeTurn } from '../streams/event-loop-turns.ts';

/** Takes the long text out of an operation's answer, to be sent in pieces; `taken` is undefined where there is none. */
export function collectLongText(request: FastifyRequest, maxBytes: number) {
  let taken: LogText | undefined;
  return {
    longText: {
      maxBytes,
      take(text: LogText) {
        request.holdBytes(text.bytes);
        taken = text;
        return '';
      },
    },
    taken: () => taken,
  };
}

/** A JSON object of fields with one more, `field`, that holds the text of the pieces, none of which ends in the middle of a character. */
export function* toJsonPieces(
  json: string,
  field: string,
  pieces: Iterable<string>,
): Generator<string> {
  const fields = json.slice(0, -1);
  yield `${fields}${fields === '{' ? '' : ','}${JSON.stringify(field)}:"`;
  for (const piece of pieces) yield JSON.stringify(piece).slice(1, -1);
  yield '"}';
}

/** Reads as the pieces, each made in a turn of its own: a socket that takes all at once would have them made in one go. */
export function toTextStream(pieces: Iterable<string>, takeTurn: TakeTurn): Readable {
  const source = pieces[Symbol.iterator]();
  const stream = new Readable({
    read: () => takeTurn(pushNext),
    destroy(error, done) {
      source.return?.();
      done(error);
    },
  });
  return stream;

  function pushNext(): void {
    if (stream.destroyed) return;
    try {
      let next = source.next();
      while (next.done !== true && next.value === '') next = source.next(); // which would end the reading
      stream.push(next.done === true ? null : next.value);
    } catch (error) {
      stream.destroy(error as Error); // what a generator throws
    }
  }
}
