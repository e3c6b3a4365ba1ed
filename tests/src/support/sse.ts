// Reads server-sent events by the standard alone: https://html.spec.whatwg.org/multipage/server-sent-events.html

import { setTimeout as sleep } from 'node:timers/promises';
import type { App } from './start-sandbox-and-api.ts';

export interface SseMessage {
  /** The last one that was sent, with this message or before it. */
  readonly id: string;
  readonly event: string;
  readonly data: string;
}

export interface SseStream extends AsyncDisposable {
  readonly headers: Headers;
  /** Everything that came so far, comments and all. */
  readonly text: () => string;
  /** The next message; undefined at the end. Rejects when none comes within `timeoutMs`. */
  next(options?: { readonly timeoutMs?: number }): Promise<SseMessage | undefined>;
  /** All messages up to the end. */
  rest(): Promise<readonly SseMessage[]>;
  /** For very many: without a deadline each. */
  readonly messages: AsyncIterable<SseMessage>;
}

export interface SseOptions {
  readonly lastEventId?: string | undefined;
  readonly token?: string;
}

/** Opens a stream that must be one; leaving it drops the connection. */
export async function openSse(
  app: Pick<App, 'get'>,
  path: string,
  { lastEventId, token }: SseOptions = {},
): Promise<SseStream> {
  const leaving = new AbortController();
  const response = await app.get(path, {
    signal: leaving.signal,
    headers: {
      accept: 'text/event-stream',
      ...(lastEventId !== undefined && { 'last-event-id': lastEventId }),
    },
    ...(token !== undefined && { token }),
  });
  const type = response.headers.get('content-type') ?? '';
  if (!response.ok || !type.startsWith('text/event-stream')) {
    throw new Error(`${path} answered ${response.status} ${type}: ${await response.text()}`);
  }
  const seen: string[] = [];
  const messages = toMessages(toText(response, seen));

  const next: SseStream['next'] = async ({ timeoutMs = 120_000 } = {}) => {
    const enough = new AbortController();
    const late = sleep(timeoutMs, undefined, { signal: enough.signal }).then(() => {
      throw new Error(`No event came on ${path} within ${timeoutMs} ms; so far: ${seen.join('')}`);
    });
    late.catch(() => {}); // aborted, when the event came
    try {
      const { done, value } = await Promise.race([messages.next(), late]);
      return done ? undefined : value;
    } finally {
      enough.abort();
    }
  };
  return {
    headers: response.headers,
    text: () => seen.join(''),
    messages,
    next,
    async rest() {
      const all: SseMessage[] = [];
      for (let message = await next(); message !== undefined; message = await next()) {
        all.push(message);
      }
      return all;
    },
    async [Symbol.asyncDispose]() {
      leaving.abort();
    },
  };
}

async function* toText(response: Response, seen: string[]): AsyncGenerator<string, void> {
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    const text = decoder.decode(chunk, { stream: true });
    seen.push(text);
    if (seen.length > 50) seen.shift(); // for a message, not for a record
    yield text;
  }
}

export async function* toMessages(chunks: AsyncIterable<string>): AsyncGenerator<SseMessage, void> {
  let buffered = '';
  let id = '';
  let event = '';
  let data: string[] = [];
  for await (const chunk of chunks) {
    const lines = (buffered + chunk).split('\n');
    buffered = lines.pop() ?? '';
    for (const line of lines) {
      const [, field = '', value = ''] =
        /^([^:]*)(?:: ?(.*))?$/.exec(line.replace(/\r$/, '')) ?? [];
      if (field === 'id') id = value;
      else if (field === 'event') event = value;
      else if (field === 'data') data.push(value);
      else if (line === '' && data.length > 0) {
        if (event !== 'ready') yield { id, event: event || 'message', data: data.join('\n') }; // which opens every stream
        event = '';
        data = [];
      }
    }
  }
}
