// Decides whether and when a lost stream is requested again.

import type { Reconnect } from '../call-types.ts';
import type { OnDemandError } from '../errors.ts';

export interface Reconnection {
  /** The stream delivered an item: the back-off starts again from the first pause. */
  worked(): void;
  /** Undefined when it is enough: what failed cannot pass by itself, or has done so for too long. */
  next(error: OnDemandError): Reconnect | undefined;
}

export interface ReconnectionOptions {
  readonly firstPauseMs: number;
  readonly maxPauseMs: number;
  /** How long nothing may have worked. */
  readonly giveUpAfterMs: number;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** From 0 to 1. */
  readonly random: () => number;
}

/** Pauses double from failure to failure, less up to a half, so that many clients do not come back at the same moment. */
export function createReconnection(options: ReconnectionOptions): Reconnection {
  const { firstPauseMs, maxPauseMs, giveUpAfterMs, now, random } = options;
  let failures = 0;
  let failingSinceMs: number | undefined;
  let hasWorked = false;
  return {
    worked() {
      hasWorked = true;
      failures = 0;
      failingSinceMs = undefined;
    },
    next(error) {
      if (!canPass(error) && !(hasWorked && isMissingBackend(error))) return undefined;
      failingSinceMs ??= now();
      const backoffMs = Math.min(firstPauseMs * 2 ** failures, maxPauseMs) * (1 - random() / 2);
      const pauseMs = Math.round(readRetryAfterMs(error) + backoffMs);
      if (now() + pauseMs - failingSinceMs > giveUpAfterMs) return undefined;
      failures += 1;
      return { error, attempt: failures, pauseMs };
    },
  };
}

/** What a later attempt may not meet any more. */
function canPass({ code, details, cause }: OnDemandError): boolean {
  switch (code) {
    case 'NETWORK_ERROR':
    case 'TIMEOUT':
    case 'TOO_MANY_REQUESTS':
      return true;
    case 'SERVICE_UNAVAILABLE':
      // A VM that does not run is an answer, and no fault.
      return details.lifecycleState === undefined;
    case 'TOKEN_ERROR':
      // The network that broke the stream fails the issuer too; a token that no header can carry has no cause.
      return cause !== undefined && !isFinal(cause);
    default:
      return false;
  }
}

/** Traefik has no route, and says 404, while what is behind it restarts. */
function isMissingBackend({ code, status }: OnDemandError): boolean {
  return code === 'INVALID_RESPONSE' && status === 404;
}

/** A token function's own word that trying again is of no use. */
function isFinal(cause: unknown): boolean {
  return typeof cause === 'object' && cause !== null && 'final' in cause && cause.final === true;
}

function readRetryAfterMs({ details }: OnDemandError): number {
  const { retryAfterSeconds } = details;
  return typeof retryAfterSeconds === 'number' && retryAfterSeconds > 0
    ? retryAfterSeconds * 1000
    : 0;
}
