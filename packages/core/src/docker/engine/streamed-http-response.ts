// One GET over a channel with an unbounded body: fetched as it is read, and a truncated body is always an error.

import { type Agent, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import type { CallOptions } from '../../adapter-ports.ts';
import { startAnswerDeadline } from './answer-deadline.ts';
import {
  type ChannelRequest,
  type EngineAnswer,
  isDelimited,
  type LossReason,
  LostAnswerError,
} from './http-request.ts';

export interface StreamExchangeOptions extends CallOptions {
  /** Gives a fresh channel to every request. */
  readonly agent: Agent;
  readonly path: string;
  /** From the open channel to the answer's headers, and for the whole of an answer that is no 200. */
  readonly headersTimeoutMs: number;
  /** Of the connection that carries the channels, so far: while it is busy the headers may take longer. */
  readonly receivedBytes: () => number;
  /** Of an answer that is no 200. */
  readonly maxBodyBytes: number;
  /** Called once, when the channel is closed, or is being closed after a failure. */
  readonly onOver: () => void;
}

/** A 200; of any other status the answer comes whole. */
export interface EngineStream {
  readonly status: 200;
  readonly headers: IncomingHttpHeaders;
  /**
   * Can be read once, and is fetched as it is read. Ends when the engine ended it, throws a `LostAnswerError` when it was cut, and the signal's reason.
   * Leaving it closes the channel; who never begins to read it has to abort.
   */
  readonly chunks: AsyncIterable<Buffer>;
}

/**
 * Resolves once the headers are there. Rejects with what opening the channel failed with, the signal's reason, or a `LostAnswerError`; the channel is closed in each of these cases.
 * The signal goes on to count for the chunks.
 */
export function exchangeStream(
  options: StreamExchangeOptions,
): Promise<EngineAnswer | EngineStream> {
  const { agent, path, signal, headersTimeoutMs, receivedBytes, maxBodyBytes, onOver } = options;
  if (signal?.aborted) {
    onOver();
    return Promise.reject(signal.reason);
  }

  return new Promise((resolve, reject) => {
    const opening = new AbortController();
    const channelRequest: ChannelRequest = { openSignal: opening.signal };
    const outgoing = request({ agent, path, host: 'docker', ...channelRequest });
    let opened = false;
    let failure: { readonly error: unknown } | undefined;
    let stopDeadline = () => {};
    let answer: IncomingMessage | undefined;

    let isOver = false;
    /** At the end and at a failure: Node says nothing of the end of a request that got no channel. */
    const finish = () => {
      if (isOver) return;
      isOver = true;
      stopDeadline();
      signal?.removeEventListener('abort', onAbort);
      onOver();
    };
    const fail = (error: unknown) => {
      if (failure !== undefined) return;
      failure = { error };
      reject(error);
      opening.abort(error);
      // The reader wakes up by the answer's own destruction, the channel goes with it.
      answer?.destroy();
      outgoing.destroy();
      finish();
    };
    const lose = (reason: LossReason, cause?: unknown) =>
      fail(new LostAnswerError(reason, { cause }));
    const onAbort = () => fail(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    outgoing.on('socket', () => {
      opened = true;
      const onTimeout = () => lose('timeout');
      stopDeadline = startAnswerDeadline({ timeoutMs: headersTimeoutMs, receivedBytes, onTimeout });
    });
    // Before a channel is open the error is the opener's own, and already in plain words.
    outgoing.on('error', (error) => (opened ? lose('cut', error) : fail(error)));
    outgoing.on('close', () => {
      if (answer === undefined) lose('cut');
      finish();
    });
    outgoing.on('response', (response) => {
      answer = response;
      const status = response.statusCode ?? 0;
      // The reader gets the error; an unhandled 'error' event would end the process.
      response.on('error', () => {});
      const read = () => readWhole(response, () => failure?.error);
      if (status === 200) {
        stopDeadline();
        resolve({ status, headers: response.headers, chunks: { [Symbol.asyncIterator]: read } });
      } else {
        collect(read(), maxBodyBytes).then(
          (body) => resolve({ status, headers: response.headers, body }),
          fail,
        );
      }
    });
    outgoing.end();
  });
}

/** A channel that is lost ends like a server that is done: only a body that says its own end has one. */
async function* readWhole(
  response: IncomingMessage,
  readFailure: () => unknown,
): AsyncGenerator<Buffer, void, void> {
  try {
    for await (const chunk of response) {
      // What came before an abort is of no use to who aborted.
      if (readFailure() !== undefined) break;
      yield chunk;
    }
  } catch (cause) {
    throw readFailure() ?? new LostAnswerError('cut', { cause });
  }
  const failure = readFailure();
  if (failure !== undefined) throw failure;
  if (!isDelimited(response) || !response.complete) throw new LostAnswerError('cut', {});
}

async function collect(chunks: AsyncIterable<Buffer>, maxBytes: number): Promise<Buffer> {
  const kept: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new LostAnswerError('too large', {});
    kept.push(chunk);
  }
  return Buffer.concat(kept);
}
