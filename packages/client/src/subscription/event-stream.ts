// One connection of a subscription: a streaming response, read only as fast as its events are consumed.

import { type Answer, toRefusal } from '../call/answer.ts';
import { withDeadline } from '../call/deadline.ts';
import { toNetworkError } from '../call/network-error.ts';
import { OnDemandError } from '../errors.ts';
import { createEventReader, type ServerSentEvent } from './server-sent-events.ts';

export interface EventStream {
  readonly headers: Answer['headers'];
  /** What came next, perhaps no whole event; undefined at the end of the body. Throws `NETWORK_ERROR`, `TIMEOUT` after a silence, and what the signal aborts with; what it gives throws `INVALID_RESPONSE` for an event that is too large. */
  read(): Promise<Iterable<ServerSentEvent> | undefined>;
}

export interface EventStreamOptions {
  readonly url: string;
  /** As messages name the API. */
  readonly baseUrl: string;
  readonly readHeaders: () => Promise<Readonly<Record<string, string>>>;
  readonly fetch: typeof globalThis.fetch;
  /** The connection lasts until it aborts; its opener must abort it in the end. */
  readonly signal: AbortSignal;
  /** Of the opening, up to the first byte of the stream: what holds that back cannot stream. */
  readonly timeoutMs: number;
  /** How long no byte may come while one is waited for. */
  readonly silenceMs: number;
  readonly maxEventChars: number;
}

/** Throws what a query throws. */
export function openEventStream(options: EventStreamOptions): Promise<EventStream> {
  const { url, baseUrl, readHeaders, fetch, signal, timeoutMs } = options;
  return withDeadline(open, {
    signal,
    timeoutMs,
    onTimeout: () =>
      new OnDemandError(
        'TIMEOUT',
        `${baseUrl} began no stream within ${timeoutMs} ms; try again, or raise timeoutMs`,
      ),
    onAbort: (reason) => reason,
  });

  async function open(): Promise<EventStream> {
    const headers = { ...(await readHeaders()), accept: 'text/event-stream' };
    signal.throwIfAborted();
    try {
      // A redirect would hide that `url` is not where the API is.
      const response = await fetch(url, { headers, redirect: 'manual', signal });
      if (response.ok && isEventStream(response) && response.body !== null)
        return await begin(response.headers, response.body);
      const answer = { status: response.status, headers: response.headers };
      throw toRefusal({ ...answer, text: await response.text() }, { baseUrl, mutates: false });
    } catch (cause) {
      throw toStreamError(cause, options);
    }
  }

  async function begin(headers: Headers, body: ReadableStream<Uint8Array>): Promise<EventStream> {
    const readBytes = createByteReader(body, options);
    const readEvents = createEventReader({
      maxChars: options.maxEventChars,
      onTooLarge: () =>
        new OnDemandError(
          'INVALID_RESPONSE',
          `${baseUrl} sent an event of over ${options.maxEventChars} characters; check the url`,
        ),
    });
    const decoder = new TextDecoder();
    let first = await readBytes();
    if (first === undefined) throw endedEarly(baseUrl);
    return {
      headers,
      async read() {
        signal.throwIfAborted();
        const bytes = first ?? (await readBytes());
        first = undefined;
        return bytes && readEvents(decoder.decode(bytes, { stream: true }));
      },
    };
  }
}

/** For a body that ends although the stream has not. */
export function endedEarly(baseUrl: string): OnDemandError {
  return new OnDemandError(
    'NETWORK_ERROR',
    `${baseUrl}, or a proxy before it, closed the stream before its end; try again later`,
  );
}

type ByteReaderOptions = Pick<EventStreamOptions, 'baseUrl' | 'signal' | 'silenceMs'>;

function createByteReader(body: ReadableStream<Uint8Array>, options: ByteReaderOptions) {
  const { baseUrl, signal, silenceMs } = options;
  const reader = body.getReader();
  // Ends a read under way, also where `fetch` ignores its signal; it rejects when the body has failed, which the read tells.
  const cancel = () => void reader.cancel().catch(() => {});
  if (signal.aborted) cancel();
  signal.addEventListener('abort', cancel, { once: true });

  return async (): Promise<Uint8Array | undefined> => {
    let isSilent = false;
    const timer = setTimeout(() => {
      isSilent = true;
      cancel();
    }, silenceMs);
    try {
      const { value } = await reader.read();
      if (isSilent)
        throw new OnDemandError(
          'TIMEOUT',
          `${baseUrl} sent nothing for ${silenceMs} ms, not even a sign of life; try again later`,
        );
      signal.throwIfAborted();
      return value;
    } catch (cause) {
      throw toStreamError(cause, options);
    } finally {
      clearTimeout(timer);
    }
  };
}

/** Once it is given up, whatever fails then is that. */
function toStreamError(cause: unknown, { baseUrl, signal }: ByteReaderOptions): unknown {
  if (signal.aborted) return signal.reason;
  return cause instanceof OnDemandError
    ? cause
    : toNetworkError(cause, { baseUrl, mutates: false });
}

function isEventStream({ headers }: Response): boolean {
  return /^text\/event-stream\b/i.test(headers.get('content-type') ?? '');
}
