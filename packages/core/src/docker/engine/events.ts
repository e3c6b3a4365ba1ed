// The engine's container events: one request with a streaming response.

import type { EngineEvent, EngineEventsOptions } from '../../adapter-ports.ts';
import { createJsonObjects } from '../json-stream/objects.ts';
import { toSince } from '../logs/time.ts';
import { toLostError } from '../lost-response.ts';
import { type EngineTask, toAppError } from '../to-app-error.ts';
import type { EngineClient, EngineStream } from './http-client.ts';
import { LostAnswerError } from './http-request.ts';
import { toEngineEvent } from './parse-event.ts';

/** Builds the watch; what cannot be understood is left out. Throws `SERVICE_UNAVAILABLE`, also while it goes on. */
export function createEngineEvents({ client }: { readonly client: Pick<EngineClient, 'stream'> }) {
  return async function watchEvents({
    since,
    signal,
  }: EngineEventsOptions): Promise<AsyncIterable<EngineEvent>> {
    const query = new URLSearchParams({ filters: JSON.stringify({ type: ['container'] }) });
    if (since !== undefined) query.set('since', toSince(since));
    const answer = await client
      .stream({ operation: task.operation, path: `/events?${query}`, signal })
      .catch(rethrow);
    if (!('chunks' in answer)) throw toAppError(answer, task);
    return readEvents(answer);
  };
}

const task: EngineTask = { operation: 'events' };
/** An event holds all labels of its container. */
const maxEventBytes = 1024 * 1024;

async function* readEvents({ chunks }: EngineStream): AsyncGenerator<EngineEvent, void> {
  let found: EngineEvent[] = [];
  const objects = createJsonObjects({
    maxBytes: maxEventBytes,
    onObject(text) {
      const event = toEngineEvent(text);
      if (event !== undefined) found.push(event);
    },
  });
  try {
    for await (const chunk of chunks) {
      objects.push(chunk);
      yield* found;
      found = [];
    }
  } catch (error) {
    rethrow(error);
  }
}

function rethrow(error: unknown): never {
  throw error instanceof LostAnswerError ? toLostError(error, task) : error;
}
