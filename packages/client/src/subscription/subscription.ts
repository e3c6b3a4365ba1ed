// One subscription, from its input to its items: requested again after each lost connection, from its last item.

import { pause } from '../call/abortable-sleep.ts';
import { toStreamError } from '../call/answer.ts';
import { toBaseUrl } from '../call/base-url.ts';
import { createHeaders, type HeaderRecord } from '../call/headers.ts';
import { globalFetch } from '../call/send-request.ts';
import { toInputText } from '../call/serialize-input.ts';
import type { SubscribeOptions } from '../call-types.ts';
import { OnDemandError } from '../errors.ts';
import type { ClientOptions } from '../options.ts';
import { endedEarly, openEventStream } from './event-stream.ts';
import { createReconnection } from './reconnection.ts';
import type { ServerSentEvent } from './server-sent-events.ts';

export interface SubscribeRequest {
  /** Such as `containers.followLogs`. */
  readonly path: string;
  readonly input: unknown;
}

export type Subscribe = (
  request: SubscribeRequest,
  options?: SubscribeOptions,
) => AsyncIterable<unknown>;

export interface ReconnectPolicy {
  /** The server sends a sign of life every 20 s. */
  readonly silenceMs: number;
  readonly firstPauseMs: number;
  readonly maxPauseMs: number;
  readonly giveUpAfterMs: number;
  /** A connection that lasted so long has worked, even if it gave no item. */
  readonly steadyMs: number;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** From 0 to 1. */
  readonly random: () => number;
}

const defaultReconnectPolicy: ReconnectPolicy = {
  silenceMs: 60_000,
  firstPauseMs: 500,
  maxPauseMs: 10_000,
  giveUpAfterMs: 300_000,
  steadyMs: 10_000,
  now: () => performance.now(),
  random: () => Math.random(),
};

const defaultTimeoutMs = 30_000;

/** A piece of a log's line has at most 1 MiB, a piece of a job's output less, and JSON may take six characters for one of it. */
const maxEventChars = 6 * 1024 * 1024 + 4096;

export function createSubscribe(
  client: ClientOptions,
  reconnectPolicy: ReconnectPolicy = defaultReconnectPolicy,
): Subscribe {
  const baseUrl = toBaseUrl(client.url);
  const requestHeaders = createHeaders(client);
  const { fetch = globalFetch } = client;
  const { silenceMs, steadyMs, now } = reconnectPolicy;

  return (request, options = {}) => ({
    [Symbol.asyncIterator]() {
      const end = new AbortController();
      const items = follow(request, options, end);
      return {
        next: () => items.next(),
        // A generator by itself would first wait for the item that is being waited for.
        return() {
          end.abort(loopWasLeft);
          return items.return();
        },
      };
    },
  });

  async function* follow(
    { path, input }: SubscribeRequest,
    options: SubscribeOptions,
    end: AbortController,
  ): AsyncGenerator<unknown, void> {
    const { signal, timeoutMs = client.timeoutMs ?? defaultTimeoutMs } = options;
    const inputText = toInputText(input, path);
    const reconnection = createReconnection(reconnectPolicy);
    let lastEventId: string | undefined;
    let hasGiven = false;
    /** The API has agreed to give this stream; tRPC opens one even to say in it that there is none. */
    let isAccepted = false;
    let sent: HeaderRecord = {};
    /** The 401 after which another token is asked for before the next connection. */
    let refusal: OnDemandError | undefined;
    /** Another token was asked for and the stream has not worked since. */
    let hasRenewed = false;

    const abort = () => end.abort(toAborted(path, signal?.reason));
    if (signal?.aborted) abort();
    signal?.addEventListener('abort', abort, { once: true });
    try {
      while (true) {
        try {
          return yield* connect();
        } catch (error) {
          if (end.signal.reason === loopWasLeft) return;
          end.signal.throwIfAborted();
          if (isRefusal(error) && canResume() && !hasRenewed) refusal = error;
          else await waitAfter(error);
        }
      }
    } finally {
      signal?.removeEventListener('abort', abort);
    }

    /** The items of one connection; returns at the end of the stream, and throws when only the connection has ended. */
    async function* connect(): AsyncGenerator<unknown, void> {
      end.signal.throwIfAborted();
      const connection = new AbortController();
      const close = () => connection.abort(end.signal.reason);
      end.signal.addEventListener('abort', close, { once: true });
      const facts = { baseUrl, readHeaders, fetch, timeoutMs, silenceMs, maxEventChars };
      let isRefused = true;
      let openedAtMs = Number.POSITIVE_INFINITY;
      try {
        const stream = await openEventStream({ ...facts, url: toUrl(), signal: connection.signal });
        isRefused = false;
        openedAtMs = now();
        options.onOpen?.();
        for (let events = await stream.read(); events; events = await stream.read())
          for (const event of events) {
            if (event.type === 'return') return;
            if (event.type === 'serialized-error') {
              isRefused = true;
              throw toStreamError(event.data, { headers: stream.headers, baseUrl });
            }
            if (event.id) lastEventId = event.id;
            if (event.type === 'ping') worked();
            if (event.type !== 'message') continue;
            const item = toItem(event);
            worked();
            hasGiven = true;
            yield item;
            end.signal.throwIfAborted();
          }
        throw endedEarly(baseUrl);
      } finally {
        if (now() - openedAtMs >= steadyMs) worked();
        if (!isRefused) isAccepted = true;
        end.signal.removeEventListener('abort', close);
        connection.abort();
      }
    }

    async function readHeaders(): Promise<HeaderRecord> {
      const error = refusal;
      refusal = undefined;
      if (error === undefined) {
        sent = await requestHeaders.read();
      } else {
        const fresh = await requestHeaders.renew(sent, error);
        hasRenewed = true;
        if (fresh === undefined) throw error;
        sent = fresh;
      }
      return sent;
    }

    /** Whether another connection would give no item a second time. */
    function canResume(): boolean {
      return lastEventId !== undefined || !hasGiven;
    }

    function toUrl(): string {
      const query = new URLSearchParams();
      if (inputText !== undefined) query.set('input', inputText);
      // tRPC puts it into the input, in place of one that is there: https://trpc.io/docs/server/subscriptions#tracked
      if (lastEventId !== undefined) query.set('lastEventId', lastEventId);
      const text = query.toString();
      return `${baseUrl}/trpc/${path}${text && `?${text}`}`;
    }

    function worked(): void {
      isAccepted = true;
      hasRenewed = false;
      reconnection.worked();
    }

    /** Throws the error where asking again is of no use, or would give items a second time. */
    async function waitAfter(error: unknown): Promise<void> {
      if (!(error instanceof OnDemandError && isAccepted && canResume())) throw error;
      const reconnect = reconnection.next(error);
      if (reconnect === undefined) throw error;
      options.onReconnect?.(reconnect);
      await pause(reconnect.pauseMs, end.signal);
    }
  }

  function toItem({ data }: ServerSentEvent): unknown {
    try {
      return JSON.parse(data);
    } catch {
      throw new OnDemandError(
        'INVALID_RESPONSE',
        `${baseUrl} sent an event that is not JSON; check the url`,
      );
    }
  }
}

function isRefusal(error: unknown): error is OnDemandError {
  return error instanceof OnDemandError && error.code === 'UNAUTHORIZED';
}

const loopWasLeft = Symbol('the loop over the items was left');

function toAborted(path: string, cause: unknown): OnDemandError {
  return new OnDemandError('ABORTED', `The subscription of ${path} was aborted`, { cause });
}
