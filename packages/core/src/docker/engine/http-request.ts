// One HTTP request over a channel: deadlines close the channel, and truncated bodies are errors.

import { type Agent, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import type { CallOptions } from '../../adapter-ports.ts';
import { startAnswerDeadline } from './answer-deadline.ts';

export interface ExchangeOptions extends CallOptions {
  readonly agent: Agent;
  readonly method: 'GET' | 'POST';
  readonly path: string;
  /** JSON, of a POST. */
  readonly body?: string | undefined;
  /** From the open channel to the answer's headers; longer while the connection is busy. */
  readonly headersTimeoutMs: number;
  /** From the headers to the answer's end. */
  readonly timeoutMs: number;
  /** Of the connection that carries the channels, so far. */
  readonly receivedBytes: () => number;
  readonly maxBodyBytes: number;
  /** Takes a 200's body as it comes, instead of having it collected. What it throws ends the request. */
  readonly onChunk?: ((chunk: Buffer) => void) | undefined;
  /** Called when the channel is open and the request goes out. */
  readonly onSend?: (() => void) | undefined;
}

export interface EngineAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Empty when `onChunk` took it. */
  readonly body: Buffer;
}

export type LossReason = 'timeout' | 'cut' | 'unclear' | 'too large';

/** The request may have arrived, but its answer did not, or not whole. Never leaves this folder: `to-app-error.ts` turns it into words. */
export class LostAnswerError extends Error {
  override readonly name = 'LostAnswerError';
  readonly reason: LossReason;
  /** True when a kept-alive channel turned out dead before any of the answer came. */
  readonly stale: boolean;

  constructor(reason: LossReason, { stale = false, cause }: { stale?: boolean; cause?: unknown }) {
    super(`The engine's answer was lost: ${reason}`, cause === undefined ? undefined : { cause });
    this.reason = reason;
    this.stale = stale;
  }
}

/** Options that a request hands to the agent that opens its channel. */
export interface ChannelRequest {
  readonly openSignal?: AbortSignal | undefined;
}

/**
 * Sends a request and resolves with an answer that arrived whole, whatever its status.
 * Rejects with what opening the channel failed with, the signal's reason, what `onChunk` threw, or a `LostAnswerError`; the channel is closed in each of these cases.
 */
export function exchange(options: ExchangeOptions): Promise<EngineAnswer> {
  const { agent, method, path, body = '', signal } = options;
  if (signal?.aborted) return Promise.reject(signal.reason);

  return new Promise((resolve, reject) => {
    const opening = new AbortController();
    const channelRequest: ChannelRequest = { openSignal: opening.signal };
    const outgoing = request({
      agent,
      method,
      path,
      host: 'docker',
      headers: method === 'POST' ? toPostHeaders(body) : {},
      ...channelRequest,
    });
    let opened = false;
    let done = false;
    let answer: IncomingMessage | undefined;
    let stopDeadline = () => {};

    const settle = () => {
      done = true;
      stopDeadline();
      signal?.removeEventListener('abort', onAbort);
    };
    const fail = (error: unknown) => {
      if (done) return;
      settle();
      reject(error);
      opening.abort(error);
      outgoing.destroy();
    };
    const lose = (reason: LossReason, cause?: unknown) => {
      if (done) return; // every answer ends in a close: no error, with its stack, for those
      const stale = reason === 'cut' && outgoing.reusedSocket && answer === undefined;
      fail(new LostAnswerError(reason, { stale, cause }));
    };
    const onAbort = () => fail(signal?.reason);

    signal?.addEventListener('abort', onAbort, { once: true });
    outgoing.on('socket', () => {
      opened = true;
      options.onSend?.();
      stopDeadline = startAnswerDeadline({
        timeoutMs: options.headersTimeoutMs,
        receivedBytes: options.receivedBytes,
        onTimeout: () => lose('timeout'),
      });
    });
    // Before a channel is open the error is the opener's own, and already in plain words.
    outgoing.on('error', (error) => (opened ? lose('cut', error) : fail(error)));
    outgoing.on('close', () => lose('cut'));
    outgoing.on('response', (response) => {
      answer = response;
      stopDeadline();
      const timer = setTimeout(() => lose('timeout'), options.timeoutMs);
      stopDeadline = () => clearTimeout(timer);
      const { status, take, collected } = collect(response, options, () => lose('too large'));
      response.on('data', (chunk: Buffer) => {
        try {
          take(chunk);
        } catch (error) {
          fail(error);
        }
      });
      response.on('error', (error) => lose('cut', error));
      response.on('end', () => {
        if (!isDelimited(response)) return lose('unclear');
        if (!response.complete) return lose('cut');
        settle();
        resolve({ status, headers: response.headers, body: collected() });
      });
    });
    outgoing.end(body);
  });
}

function toPostHeaders(body: string) {
  const length = { 'content-length': Buffer.byteLength(body) };
  return body === '' ? length : { ...length, 'content-type': 'application/json' };
}

function collect(
  response: IncomingMessage,
  { onChunk, maxBodyBytes }: ExchangeOptions,
  onTooLarge: () => void,
) {
  const status = response.statusCode ?? 0;
  const chunks: Buffer[] = [];
  let bytes = 0;
  const keep = (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > maxBodyBytes) onTooLarge();
    else chunks.push(chunk);
  };
  return {
    status,
    take: status === 200 && onChunk !== undefined ? onChunk : keep,
    collected: () => Buffer.concat(chunks),
  };
}

/** True for an answer that says its own end. A lost SSH connection ends its channels like a server that is done: no other body is known to be whole. */
export function isDelimited(response: IncomingMessage): boolean {
  const { statusCode, headers } = response;
  return (
    statusCode === 204 ||
    statusCode === 304 ||
    headers['content-length'] !== undefined ||
    (headers['transfer-encoding'] ?? '').toLowerCase().endsWith('chunked')
  );
}
