// Answers of the stub API that go on: tRPC's server-sent events.

import { once } from 'node:events';
import type { ServerResponse } from 'node:http';

/** Sends the items as they come, with ids; then the error when there is one, else the word that it is over. Stops when the client has left; cuts the connection where the source throws. */
export async function sendStream(
  response: ServerResponse,
  items: Iterable<unknown> | AsyncIterable<unknown>,
  errorEnvelope: object | undefined,
): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'x-request-id': 'req-1' });
  response.write('event: connected\ndata: {}\n\n');
  const left = new AbortController();
  response.once('close', () => left.abort());
  let id = 0;
  try {
    for await (const item of items) {
      id += 1;
      const hasRoom = response.write(`data: ${JSON.stringify(item)}\nid: ${id}\n\n`);
      if (!hasRoom) await once(response, 'drain', { signal: left.signal }).catch(() => {});
      if (left.signal.aborted) return;
    }
  } catch {
    response.destroy();
    return;
  }
  response.end(
    errorEnvelope === undefined
      ? 'event: return\ndata: \n\n'
      : `event: serialized-error\ndata: ${JSON.stringify(errorEnvelope)}\n\n`,
  );
}

/** A source that goes on for ever once its items are given; `push` gives another. */
export function openStream<T>(...first: T[]) {
  const queue = [...first];
  let wake = (): void => {};
  return {
    push(item: T): void {
      queue.push(item);
      wake();
    },
    async *[Symbol.asyncIterator](): AsyncGenerator<T, void> {
      for (;;) {
        const item = queue.shift();
        if (item !== undefined) yield item;
        else
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
      }
    },
  };
}
