// A wake that goes on over what passes by itself: no host at Oracle, a lost connection, an API that restarts.

import { isApiError, type OnDemandError } from '@ondemand/client';

/** What failed, and when it is tried again. */
export interface Retry {
  readonly why: string;
  readonly atMs: number;
}

export interface KeepTryingOptions {
  /** Ends it, with whatever `attempt` or the pause throws then. */
  readonly signal: AbortSignal;
  /** Told before each pause; undefined once that is over. */
  readonly onRetry: (retry: Retry | undefined) => void;
  readonly now?: () => number;
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** `attempt` resolves with what it is still waiting for, undefined once it is done. Throws what does not pass by itself, and an `Error` once ten minutes are over. */
export async function keepTrying(
  attempt: () => Promise<string | undefined>,
  { signal, onRetry, now = Date.now, sleep = sleepFor }: KeepTryingOptions,
): Promise<void> {
  const untilMs = now() + maxMs;
  for (;;) {
    const left = await attempt().catch((error: unknown) => {
      if (signal.aborted || !mayPass(error)) throw error;
      return error;
    });
    if (left === undefined) return;
    const why = typeof left === 'string' ? left : left.message;
    if (now() >= untilMs)
      throw new Error(`oci-flex is not ready after ten minutes: ${why}; reload to go on waiting`);
    if (typeof left === 'string') continue;
    const pauseMs = toPauseMs(left);
    onRetry({ why, atMs: now() + pauseMs });
    await sleep(pauseMs, signal);
    onRetry(undefined);
  }
}

/** A connection that a phone has lost need not say so. */
export const wakeTimeoutMs = 45_000;

const maxMs = 10 * 60_000;
const minPauseMs = 3000;
/** What the API says for a lack of hosts is longer than a person watches. */
const maxPauseMs = 30_000;

function toPauseMs({ details }: OnDemandError): number {
  const ms = Number(details.retryAfterSeconds ?? 0) * 1000;
  return Math.min(Math.max(ms, minPauseMs), maxPauseMs);
}

function mayPass(error: unknown): error is OnDemandError {
  if (!isApiError(error)) return false;
  const { code, details, requestId } = error;
  if (code !== 'SERVICE_UNAVAILABLE') return passing.has(code);
  const isOfProxy = requestId === undefined; // the API itself restarts
  return isOfProxy || details.reason === 'OUT_OF_CAPACITY' || details.reason === 'SHUTTING_DOWN';
}

const passing: ReadonlySet<string> = new Set(['NETWORK_ERROR', 'TIMEOUT', 'TOO_MANY_REQUESTS']);

function sleepFor(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}
