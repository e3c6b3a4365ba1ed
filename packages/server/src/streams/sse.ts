// Encodes a stream of items as server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html

import type { TrackedEnvelope } from '@trpc/server';
import { z } from 'zod';
import { toTrpcErrorShape } from '../procedures/base.ts';
import type { StreamOperation } from '../procedures/operation-metadata.ts';
import type { Encoding } from './byte-stream.ts';

export type Item = TrackedEnvelope<unknown>;

/** Proxies cut what is silent for a minute. */
export const pingMs = 20_000;

const contentType = 'text/event-stream; charset=utf-8';

/** What a stream is about: its operation, and what stands in its path. The data of its first event. */
export const streamReadySchema = z
  .object({
    stream: z.string().describe('The operation'),
    name: z.string().optional().describe('Container name'),
    id: z.string().optional().describe('Job id'),
  })
  .meta({ id: 'StreamReady', description: 'The first event of a stream' });

/** The data of the last event of a stream that has nothing more to give. */
export const streamEndSchema = z.object({}).meta({
  id: 'StreamEnd',
  description: 'The last event of a stream that has nothing more to give',
});

/**
 * REST's: `event:` is an item's `type`, where it has one. It opens with a `ready`, which has an id and data, as some readers keep no id without data.
 * It ends in an `end` or a `failure`; without either the reader should reconnect.
 * Behind a proxy that must not be while this process restarts: the proxy's 502 ends an EventSource for good.
 */
export function toSse(
  about: z.infer<typeof streamReadySchema>,
  random: () => number = Math.random,
): Encoding<Item> {
  return {
    contentType,
    toHead: (position) =>
      `: connected\nretry: ${retryMs}\nevent: ready\n${toIdLine(position)}data: ${JSON.stringify(about)}\n\n`,
    ping: ': ping\n\n',
    toText: ([id, data]) => `${toEventLine(data)}id: ${id}\ndata: ${JSON.stringify(data)}\n\n`, // JSON has no line breaks
    toEnd: (end) =>
      end === 'finished'
        ? 'event: end\ndata: {}\n\n'
        : `retry: ${Math.round(restartMs * (1 + random() / 2))}\n\n`,
    toFailure: ({ body }) => `event: failure\ndata: ${JSON.stringify(body)}\n\n`,
  };
}

/** After a connection that was lost, perhaps with the process: longer than it takes to start. */
const retryMs = 5000;

/** After one that was interrupted, and up to half as long again, so that not all come back at once. */
const restartMs = 10_000;

/** What tRPC's own producer sends, byte for byte; a test compares. */
export function toTrpcSse(path: string): Encoding<Item> {
  const toEvent = (name: string, data: string) => `event: ${name}\ndata: ${data}\n\n\n`;
  return {
    contentType,
    toHead: (position) => `event: connected\ndata: {}\n${toIdLine(position)}\n\n`,
    ping: toEvent('ping', ''),
    toText: ([id, data]) => `data: ${JSON.stringify(data)}\nid: ${id}\n\n\n`,
    toEnd: (end) => (end === 'finished' ? toEvent('return', '') : ''),
    toFailure: ({ status, body }) =>
      toEvent('serialized-error', JSON.stringify(toTrpcErrorShape(status, body, path))),
  };
}

/** One field of each item, bare; behind another where the item has that. */
export function toBareText({
  before = '',
  field,
  end: itemEnd,
}: NonNullable<StreamOperation['text']>): Encoding<Item> {
  return {
    contentType: 'text/plain; charset=utf-8',
    toHead: () => '',
    ping: '',
    toText([, data]) {
      const fields = data as Readonly<Record<string, unknown>>; // items are objects, and the operation says which field is there
      const prefix = fields[before] === undefined ? '' : `${fields[before]} `;
      return `${prefix}${fields[field]}${itemEnd}`;
    },
    toEnd: (end) => (end === 'finished' ? '' : undefined),
    toFailure: () => undefined,
  };
}

/** Without data it is no event, yet it counts as the last one. */
function toIdLine(position: string | undefined): string {
  return position === undefined ? '' : `id: ${position}\n`;
}

function toEventLine(data: unknown): string {
  const { type } = data as { type?: unknown }; // items are objects
  return typeof type === 'string' ? `event: ${type}\n` : '';
}
