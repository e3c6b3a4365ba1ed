// The open streams of this process: bounded in number, and ended with their reader, their token or the process.

import { AppError, isAppError, type Resumable } from '@ondemand/core';
import { invalidToken } from '../auth/challenge.ts';
import { skewSeconds } from '../auth/claims.ts';
import { type StreamItems, toInterruptible } from './interruptible-stream.ts';

export interface OpenStream {
  /** Aborted as soon as no items are wanted any more. */
  readonly signal: AbortSignal;
  /** The items for as long as they are wanted; then the source is left at once, whatever it is doing. */
  follow<Item>(items: Resumable<Item>): StreamItems<Item>;
  /** For a stream that never began. Throws `SERVICE_UNAVAILABLE` when that is because the process ends, `UNAUTHORIZED` when the token ended or was revoked. */
  abandon(): void;
}

export interface OpenStreams {
  /** Takes a slot until the stream has ended. Throws `SERVICE_UNAVAILABLE` while all are taken, or a quarter of them by the same subject, and once the process is shutting down. */
  open(reader: StreamReader): OpenStream;
  /** For the end of the process: interrupts all, so that their readers go on elsewhere, and opens no more. */
  endAll(): void;
}

export interface StreamReader {
  /** The subject of the token. */
  readonly sub: string;
  /** Aborted when the reader has gone. */
  readonly signal: AbortSignal;
  /** When the token expires, ISO 8601; it is good for as long after that as clocks may differ. */
  readonly expiresAt: string;
  /** Where it may end before that: rejects once it has, with `SERVICE_UNAVAILABLE` while that cannot be told. Called every five seconds. */
  readonly recheck?: (() => Promise<unknown>) | undefined;
  /** One source serves all who read the same, so that many more may. */
  readonly isShared: boolean;
}

export interface OpenStreamsOptions {
  /** Of streams with a source each. */
  readonly max: number;
  /** Of those that share one. */
  readonly maxShared: number;
  /** Unix time in milliseconds. */
  readonly now?: () => number;
}

export function createOpenStreams({
  max,
  maxShared,
  now = Date.now,
}: OpenStreamsOptions): OpenStreams {
  const slots = {
    own: { open: new Map<() => void, string>(), max },
    shared: { open: new Map<() => void, string>(), max: maxShared },
  };
  let isClosing = false;

  return {
    open({ sub, signal: reader, isShared, ...right }) {
      if (isClosing) throw closing();
      const { open, max } = isShared ? slots.shared : slots.own;
      if (open.size >= max) throw tooMany(max);
      const own = [...open.values()].filter((each) => each === sub).length;
      const maxOwn = Math.ceil(max / 4);
      if (own >= maxOwn) throw tooManyOwn(maxOwn);
      const stop = new AbortController();
      let refusal: unknown;
      let interrupt = () => {};
      const end = () => {
        if (stop.signal.aborted) return;
        open.delete(end);
        stopWatching();
        reader.removeEventListener('abort', end);
        stop.abort();
        interrupt();
      };
      const stopWatching = watchRight(right, now(), (why) => {
        if (stop.signal.aborted) return; // by the time a check was answered
        refusal = why;
        end();
      });
      open.set(end, sub);
      if (reader.aborted) end();
      else reader.addEventListener('abort', end);

      return {
        signal: stop.signal,
        follow(source) {
          const items = toInterruptible(source, end);
          interrupt = items.interrupt;
          if (stop.signal.aborted) interrupt();
          return items;
        },
        abandon() {
          end();
          if (isClosing) throw closing();
          if (refusal !== undefined) throw refusal;
        },
      };
    },
    endAll() {
      isClosing = true;
      for (const { open } of Object.values(slots)) for (const end of [...open.keys()]) end();
    },
  };
}

/** Calls back once the right to read is gone, with why; what it gives stops that. */
function watchRight(
  { expiresAt, recheck }: Pick<StreamReader, 'expiresAt' | 'recheck'>,
  nowMs: number,
  onGone: (why: unknown) => void,
): () => void {
  const expire = () => onGone(invalidToken('The token has expired'));
  const endsAtMs = Date.parse(expiresAt) + skewSeconds * 1000;
  const expiry = setTimeout(expire, toTimerMs(endsAtMs - nowMs)).unref();
  const check = () =>
    recheck?.().catch((error: unknown) => {
      if (!isAppError(error, 'SERVICE_UNAVAILABLE')) onGone(error); // that one is no verdict on the token
    });
  const checks = recheck && setInterval(check, recheckMs).unref();
  return () => {
    clearTimeout(expiry);
    clearInterval(checks);
  };
}

/** Authentication remembers its answers, so it is not the issuer who is asked this often. */
const recheckMs = 5000;

/** A timer that waits for longer than this fires at once. */
function toTimerMs(ms: number): number {
  return Math.min(Math.max(ms, 0), 2 ** 31 - 1);
}

function tooMany(max: number): AppError {
  return new AppError(
    'SERVICE_UNAVAILABLE',
    `All ${max} streams of this kind are taken in this process; try again in ${retryAfterSeconds} s, or end one`,
    {
      text: 'Too many requests under way',
      details: { reason: 'TOO_MANY_STREAMS', retryAfterSeconds },
    },
  );
}

function tooManyOwn(max: number): AppError {
  return new AppError(
    'SERVICE_UNAVAILABLE',
    `This token's subject has ${max} streams of this kind open already, its share of this process; end one, or try again in ${retryAfterSeconds} s`,
    { details: { reason: 'TOO_MANY_STREAMS', retryAfterSeconds } },
  );
}

/** Of a stream that this process opens no more. */
export function isClosingError({ details }: AppError): boolean {
  return details.reason === 'SHUTTING_DOWN';
}

function closing(): AppError {
  return new AppError('SERVICE_UNAVAILABLE', 'This process of the API ends; ask again', {
    text: 'API is shutting down',
    details: { reason: 'SHUTTING_DOWN', retryAfterSeconds: 1 },
  });
}

/** What a refused reader would find out by asking sooner is the same. */
const retryAfterSeconds = 5;
