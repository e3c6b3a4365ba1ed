// Judges why an issuer did not give what was asked of it.

import {
  OperationProcessingError,
  ResponseBodyError,
  UnsupportedOperationError,
  WWWAuthenticateChallengeError,
} from 'oauth4webapi';
import { CliError } from '../cli-error.ts';
import { exitCodes } from '../exit-codes.ts';

export type IssuerFailure =
  /** It understood and says no; `code` is one of RFC 6749 or RFC 8628. */
  | { readonly kind: 'refused'; readonly code: string }
  /** It is not there, too busy, or something else answers in its place; may pass. */
  | { readonly kind: 'unavailable'; readonly reason: string }
  /** It cannot do what was asked. */
  | { readonly kind: 'incapable'; readonly reason: string };

/** Rethrows what is no failure of the issuer: the user's wish to stop, the CLI's own refusals, bugs. */
export function toIssuerFailure(error: unknown, signal: AbortSignal): IssuerFailure {
  if (signal.aborted || error instanceof CliError) throw error;
  if (error instanceof WWWAuthenticateChallengeError) {
    return isBusy(error.status)
      ? unavailable(`HTTP ${error.status}`)
      : { kind: 'refused', code: 'invalid_client' };
  }
  if (error instanceof ResponseBodyError) {
    return isBusy(error.status) || passing.has(error.error)
      ? unavailable(`HTTP ${error.status}`)
      : { kind: 'refused', code: toCode(error.error) };
  }
  if (error instanceof OperationProcessingError || error instanceof UnsupportedOperationError) {
    return fromAnswer(error);
  }
  if (error instanceof DOMException && error.name === 'TimeoutError') {
    return unavailable('no answer in time');
  }
  if (error instanceof TypeError) return unavailable(toNetworkReason(error));
  throw error;
}

/** The failure in one line, where the flow itself has nothing better to say. */
export function toCliError(failure: IssuerFailure, { issuer, doing, cause }: Told): CliError {
  if (failure.kind === 'unavailable') {
    return new CliError(
      exitCodes.unavailable,
      `The issuer ${issuer} does not answer as one (${failure.reason}) when ${doing}; try again later`,
      { cause },
    );
  }
  if (failure.kind === 'incapable') {
    return new CliError(
      exitCodes.failed,
      `The issuer ${issuer} cannot be used when ${doing}: ${failure.reason}`,
      { cause },
    );
  }
  return new CliError(
    exitCodes.denied,
    `The issuer ${issuer} refused (${failure.code}) when ${doing}`,
    { cause },
  );
}

interface Told {
  readonly issuer: string;
  /** Completes "when …". */
  readonly doing: string;
  readonly cause: unknown;
}

const passing = new Set(['temporarily_unavailable', 'server_error']);

function isBusy(status: number): boolean {
  return status >= 500 || status === 429;
}

function unavailable(reason: string): IssuerFailure {
  return { kind: 'unavailable', reason };
}

/** Fixed words of the standards; anything else from there could be anything. */
function toCode(code: string): string {
  return /^[a-z_]{1,40}$/.test(code) ? code : 'unknown error';
}

function fromAnswer(error: OperationProcessingError | UnsupportedOperationError): IssuerFailure {
  if (error.code === 'OAUTH_MISSING_SERVER_METADATA') {
    return { kind: 'incapable', reason: 'its discovery document names no endpoint for that' };
  }
  if (error.code === 'OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED') {
    return { kind: 'incapable', reason: 'its discovery document speaks for another issuer' };
  }
  if (error.cause instanceof Response) return unavailable(`HTTP ${error.cause.status}`);
  return unavailable('an answer that makes no sense');
}

/** Node says "fetch failed" and keeps the short code of the reason beneath. */
function toNetworkReason(error: TypeError): string {
  const { cause } = error;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  return /^[A-Z0-9_]{1,60}$/.test(code) ? code : 'no connection';
}
