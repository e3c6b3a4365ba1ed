// How a stream of items is spelled on the wire: https://html.spec.whatwg.org/multipage/server-sent-events.html

import type { TrackedEnvelope } from '@trpc/server';
import type { Encoding } from './item-stream.ts';
import type { StreamOperation } from './operation.ts';
import { toTrpcErrorShape } from './trpc.ts';

export type Item = TrackedEnvelope<unknown>;

/** Proxies cut what is silent for a minute. */
export const pingMs = 20_000;

const contentType = 'text/event-stream; charset=utf-8';

/** REST's: `event:` is an item's `type`, where it has one. It ends in an `end` or a `failure`; without either it goes on for whoever asks again. */
export const sse: Encoding<Item> = {
  contentType,
  toHead: (position) => `: connected\nretry: 2000\n${toIdLine(position)}\n`,
  ping: ': ping\n\n',
  toText: ([id, data]) => `${toEventLine(data)}id: ${id}\ndata: ${JSON.stringify(data)}\n\n`, // JSON has no line breaks
  toEnd: (end) => (end === 'finished' ? 'event: end\ndata: {}\n\n' : 'retry: 1000\n\n'),
  toFailure: ({ body }) => `event: failure\ndata: ${JSON.stringify(body)}\n\n`,
};

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
