// When a request to OCI is worth a second try: the SDK's own policy takes minutes, ignores Retry-After and repeats what must not be.

import type { OciFailure } from './failure.ts';
import { isCertificateCode, isNotImplemented } from './to-app-error.ts';

export interface RetryQuestion {
  readonly failure: OciFailure;
  /** Reads change nothing; actions change the VM's power. */
  readonly kind: 'read' | 'action';
  /** How many attempts were made, at least 1. */
  readonly attempts: number;
  /** What is left of the overall deadline. */
  readonly remainingMs: number;
  /** From 0 up to 1. */
  readonly random: number;
}

const retriesOf = { read: 2, action: 1 } as const;

/**
 * The pause before the next attempt, or undefined to give up.
 * Reads: two retries after a network failure, a 429 or a 5xx; `Retry-After` is waited for when the deadline allows it, else it is a reason to give up.
 * Actions: one retry, only after a network failure: OCI said nothing then, and its retry token makes the second request a repetition of the first.
 * A timeout is never retried: it has used up the caller's time.
 */
export function toRetryDelayMs({
  failure,
  kind,
  attempts,
  remainingMs,
  random,
}: RetryQuestion): number | undefined {
  if (attempts > retriesOf[kind] || !isPassing(failure, kind)) return undefined;
  const quickMs = 100 * 2 ** attempts * (0.5 + random / 2);
  const askedForMs =
    failure.kind === 'answer' && failure.retryAfterSeconds !== undefined
      ? failure.retryAfterSeconds * 1000
      : 0;
  const delayMs = Math.max(quickMs, askedForMs);
  return delayMs < remainingMs ? delayMs : undefined;
}

/** `Retry-After` in seconds, from seconds or a date (RFC 9110, 10.2.3); undefined for anything else. */
export function parseRetryAfter(value: string | undefined, nowMs: number): number | undefined {
  if (value === undefined) return undefined;
  if (/^\d{1,6}$/.test(value.trim())) return Number(value);
  const dateMs = /[a-z]/i.test(value) ? Date.parse(value) : Number.NaN;
  if (Number.isNaN(dateMs)) return undefined;
  return Math.min(Math.max(Math.ceil((dateMs - nowMs) / 1000), 0), 999_999);
}

function isPassing(failure: OciFailure, kind: RetryQuestion['kind']): boolean {
  if (failure.kind === 'network') return !isCertificateCode(failure.code);
  return (
    kind === 'read' &&
    failure.kind === 'answer' &&
    (failure.status === 429 || failure.status >= 500) &&
    !isNotImplemented(failure)
  );
}
