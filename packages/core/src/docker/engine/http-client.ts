// An HTTP client of the Engine API: version negotiation, deadlines, retries and limits; knows nothing of containers.

import type { CallOptions } from '../../adapter-ports.ts';
import { AppError, isAppError } from '../../app-error.ts';
import { withDeadline } from '../../concurrency/deadline.ts';
import { createLimiter } from '../../concurrency/limiter.ts';
import { createSingleFlight } from '../../concurrency/single-flight.ts';
import { vmId } from '../../model/vm.ts';
import { ChannelRefusedError, type Channels } from '../../ssh/channel/channels.ts';
import { isSilent, toLostError } from '../lost-response.ts';
import { dockerUnavailable, readMessage } from '../to-app-error.ts';
import { createChannelAgent, dropIdle } from './channel-agent.ts';
import { type EngineAnswer, exchange, LostAnswerError } from './http-request.ts';
import { type EngineStream, exchangeStream } from './streamed-http-response.ts';
import { createTransport, type DockerTransport } from './transport.ts';

/** What was asked and answered, for metrics and traces; without a status when no answer came. */
export interface EngineRequestEvent {
  readonly operation: string;
  readonly status?: number;
  /** To the end of the answer, of a stream to its beginning. */
  readonly durationMs: number;
}

export interface EngineClientOptions {
  readonly channels: Channels;
  /** On the VM; absolute. */
  readonly socketPath: string;
  readonly transport?: DockerTransport;
  /** From an open channel to an answer's first byte, for requests that are quick by nature. */
  readonly timeoutMs?: number;
  readonly onRequest?: (event: EngineRequestEvent) => void;
}

export interface EngineRequest extends CallOptions {
  readonly operation: string;
  readonly method: 'GET' | 'POST';
  /** Without the version. */
  readonly path: string;
  /** JSON, of a POST. */
  readonly body?: string;
  readonly headersTimeoutMs?: number;
  /** Time to wait in the request queue; for long requests that many callers send at once. */
  readonly queueTimeoutMs?: number;
  /** From its headers to the end of the answer. */
  readonly timeoutMs?: number;
  readonly onChunk?: ((chunk: Buffer) => void) | undefined;
  /** Called when the request goes out. */
  readonly onSend?: (() => void) | undefined;
  /** For a GET that is to tell whether the VM answers: one that is kept says nothing of that until it fails. */
  readonly needsNewChannel?: boolean;
}

/**
 * Sends requests to the engine in the version that both speak (1.40 to 1.51), negotiated once per connection.
 * A GET whose kept-alive channel turned out dead is sent once more on a fresh one; a POST always gets a fresh one and is never repeated.
 * Rejects with an `AppError` when the request was not sent, the caller's reason, or a `LostAnswerError` when it was sent and its answer is lost.
 */
export interface EngineClient extends AsyncDisposable {
  /** What was negotiated last, and over which way; undefined before that. */
  readonly agreed:
    | { readonly apiVersion: string; readonly way: 'socket' | 'dial-stdio' }
    | undefined;
  send(request: EngineRequest): Promise<EngineAnswer>;
  /**
   * A GET with an unbounded body, on a new channel of its own. Resolves with the headers; the signal also aborts the chunks.
   * Not counted among the others, so that they never wait for it; one too many is `SERVICE_UNAVAILABLE` at once.
   */
  stream(request: EngineStreamRequest): Promise<EngineAnswer | EngineStream>;
}

export interface EngineStreamRequest extends CallOptions {
  readonly operation: string;
  /** Without the version. */
  readonly path: string;
  readonly headersTimeoutMs?: number;
}

export type { EngineStream };

export function createEngineClient({
  channels,
  socketPath,
  transport: way = 'auto',
  timeoutMs = 4000,
  onRequest = () => {},
}: EngineClientOptions): EngineClient {
  const transport = createTransport({ channels, socketPath, transport: way, timeoutMs });
  const open = (options: CallOptions) => transport.open(options);
  const pooled = createChannelAgent({ open, maxIdle: socketLimits.idle });
  const single = createChannelAgent({ open, maxIdle: 0 });
  const streaming = createChannelAgent({ open, maxIdle: 0 });
  const limits = () => (transport.way === 'dial-stdio' ? commandLimits : socketLimits);
  const limiter = createLimiter(() => limits().requests);
  const receivedBytes = () => channels.receivedBytes;
  // A start with many requests at once asks for the version once; the last to leave stops the asking.
  const negotiations = createSingleFlight({ deadlineMs: 60_000, joinsRunning: true });
  let idling: NodeJS.Timeout | undefined;
  let streams = 0;
  let disposed = false;
  let negotiated: { readonly version: string; readonly generation: number } | undefined;

  return {
    get agreed() {
      const { way } = transport;
      return negotiated && way && { apiVersion: negotiated.version, way };
    },
    send: (request) => speak(request, deliver),
    stream: (request) => speak(request, startStream),
    async [Symbol.asyncDispose]() {
      disposed = true;
      clearTimeout(idling);
      pooled.destroy();
      single.destroy();
      streaming.destroy();
    },
  };

  /** Sends in the negotiated version; `Answer` is whatever `sendIt` makes of a request. */
  async function speak<Request extends EngineStreamRequest, Answer extends { status: number }>(
    request: Request,
    sendIt: (request: Request) => Promise<Answer>,
  ): Promise<Answer> {
    if (disposed) {
      throw new AppError(
        'SERVICE_UNAVAILABLE',
        `The connection to Docker on ${vmId} is shut down`,
        { text: 'API is shutting down', details: { reason: 'CONNECTION_CLOSED' } },
      );
    }
    const sendVersioned = async () => {
      const version = await negotiate(request);
      return sendIt({ ...request, path: `/v${version}${request.path}` });
    };
    const first = await sendVersioned();
    if (!isVersionRefusal(first)) return first;
    // The engine was replaced behind a connection that stayed open; it rejected the request's version.
    negotiated = undefined;
    const second = await sendVersioned();
    if (isVersionRefusal(second)) throw unfit('it refuses every version of its API that we speak');
    return second;
  }

  function negotiate({ signal }: CallOptions): string | Promise<string> {
    if (negotiated?.generation === channels.generation) return negotiated.version;
    return negotiations.read(`the API version of Docker on ${vmId}`, askVersion, { signal });
  }

  async function askVersion(signal: AbortSignal): Promise<string> {
    const answer = await deliver({
      operation: 'ping',
      method: 'GET',
      path: '/_ping',
      signal,
    }).catch(async (error: unknown) => {
      throw await explainPing(error, signal);
    });
    if (answer.status !== 200) {
      throw dockerUnavailable(
        'DOCKER_FAILED',
        `Docker on ${vmId} is not ready (HTTP ${answer.status} to a ping); try again, or look at the Docker daemon on the VM`,
      );
    }
    transport.confirm();
    const version = chooseVersion(answer.headers['api-version']);
    negotiated = { version, generation: channels.generation };
    return version;
  }

  /** What the SSH connection itself said needs no other way to explain it. */
  async function explainPing(error: unknown, signal: AbortSignal): Promise<unknown> {
    if (!(error instanceof LostAnswerError)) return error;
    const plain = toLostError(error, { operation: 'ping' });
    return isAppError(error.cause) ? plain : transport.explain(plain, { signal });
  }

  /** A command that relays the socket fails with its own words, through the stream that it gave us. */
  async function explainRelay(error: unknown, options: CallOptions): Promise<unknown> {
    const said = error instanceof LostAnswerError ? error.cause : undefined;
    return isAppError(said) && said.cause instanceof ChannelRefusedError
      ? transport.explain(said, options)
      : error;
  }

  async function deliver(request: EngineRequest): Promise<EngineAnswer> {
    const release = await withDeadline((signal) => limiter.acquire(signal), {
      timeoutMs: request.queueTimeoutMs ?? timeoutMs,
      signal: request.signal,
      onTimeout: tooManyRequests,
    });
    try {
      return await deliverNow(request);
    } finally {
      release();
      if (transport.way === 'dial-stdio') dropIdleSoon();
    }
  }

  /** An idle relay holds a session that other commands need. */
  function dropIdleSoon(): void {
    clearTimeout(idling);
    idling = setTimeout(() => dropIdle(pooled), maxRelayIdleMs).unref();
  }

  async function deliverNow(request: EngineRequest): Promise<EngineAnswer> {
    const { operation, method, onChunk, onSend } = request;
    pooled.maxFreeSockets = limits().idle;
    const headersTimeoutMs = request.headersTimeoutMs ?? timeoutMs;
    const options = {
      agent: method === 'GET' && request.needsNewChannel !== true ? pooled : single,
      method,
      path: request.path,
      body: request.body,
      headersTimeoutMs,
      timeoutMs: request.timeoutMs ?? headersTimeoutMs * 3,
      receivedBytes,
      maxBodyBytes: maxJsonBytes,
      onChunk,
      onSend,
      signal: request.signal,
    };
    let status: number | undefined;
    const beganAtMs = performance.now();
    try {
      const answer = await exchange(options).catch((error: unknown) => {
        if (method !== 'GET' || disposed || !isWorthRepeating(error)) throw error;
        // What cut this channel has most likely cut the other idle ones as well.
        dropIdle(pooled);
        return exchange(options);
      });
      status = answer.status;
      return answer;
    } catch (error) {
      throw method === 'GET' ? await explainRelay(error, request) : error;
    } finally {
      const durationMs = performance.now() - beganAtMs;
      onRequest({ operation, ...(status !== undefined && { status }), durationMs });
    }
  }

  async function startStream(request: EngineStreamRequest): Promise<EngineAnswer | EngineStream> {
    if (streams >= limits().streams) throw tooManyStreams(streams);
    const { operation, path, headersTimeoutMs = timeoutMs, signal } = request;
    streams += 1;
    let status: number | undefined;
    const beganAtMs = performance.now();
    try {
      const answer = await exchangeStream({
        agent: streaming,
        path,
        headersTimeoutMs,
        receivedBytes,
        maxBodyBytes: maxJsonBytes,
        signal,
        onOver: () => {
          streams -= 1;
        },
      });
      status = answer.status;
      return answer;
    } catch (error) {
      throw await explainRelay(error, request);
    } finally {
      const durationMs = performance.now() - beganAtMs;
      onRequest({ operation, ...(status !== undefined && { status }), durationMs });
    }
  }
}

interface ChannelLimits {
  readonly requests: number;
  readonly idle: number;
  readonly streams: number;
}

const socketLimits: ChannelLimits = { requests: 64, idle: 16, streams: 128 };
/** Commands count against sshd's MaxSessions (10), where a build needs one as well. */
const commandLimits: ChannelLimits = { requests: 3, idle: 1, streams: 2 };
/** Shorter than a command waits for a session that sshd refuses it. */
const maxRelayIdleMs = 1000;

const oldest = 40;
const newest = 51;
const maxJsonBytes = 64 * 1024 * 1024;

/** The lower of theirs and ours: https://docs.docker.com/reference/api/engine/#versioned-api-and-sdk */
function chooseVersion(theirs: string | string[] | undefined): string {
  const match = /^1\.(\d{1,4})$/.exec(String(theirs ?? ''));
  if (match === null) throw unfit('it names no version of the Engine API');
  const minor = Number(match[1]);
  if (minor < oldest)
    throw unfit(`it speaks API 1.${minor}, and 1.${oldest} is the oldest that works`);
  return `1.${Math.min(minor, newest)}`;
}

function tooManyRequests(): AppError {
  return new AppError(
    'SERVICE_UNAVAILABLE',
    `Too many requests wait for Docker on ${vmId}; try again in a moment`,
    {
      text: 'Too many requests under way',
      details: { reason: 'TOO_MANY_REQUESTS', retryAfterSeconds: 1 },
    },
  );
}

function tooManyStreams(open: number): AppError {
  return new AppError(
    'SERVICE_UNAVAILABLE',
    `${open} logs and watches of Docker on ${vmId} are followed already, and no more go over its connection; end one, or try again later`,
    {
      text: 'Too many requests under way',
      details: { reason: 'TOO_MANY_STREAMS', retryAfterSeconds: 5 },
    },
  );
}

function isWorthRepeating(error: unknown): boolean {
  return error instanceof LostAnswerError && error.stale && !isSilent(error);
}

function unfit(reason: string): AppError {
  return dockerUnavailable(
    'DOCKER_UNFIT',
    `The Docker engine on ${vmId} cannot be used: ${reason}; install Docker 19.03 or newer there`,
  );
}

function isVersionRefusal(answer: { readonly status: number } | EngineAnswer): boolean {
  if (answer.status !== 400 || !('body' in answer)) return false;
  return /client version .* is too (new|old)/i.test(readMessage(answer));
}
