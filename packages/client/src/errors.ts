// The one error that calls reject with, and all the codes it can have.

import type { ApiError } from '@ondemand/server';

/** Exhaustive by type: a new code of the API does not compile without its line here. */
export const statusOfCode = {
  BAD_REQUEST: 400,
  UNAUTHORIZED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  CONFLICT: 409,
  PAYLOAD_TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
  TOO_MANY_REQUESTS: 429,
  INTERNAL_ERROR: 500,
  SERVICE_UNAVAILABLE: 503,
} as const satisfies Readonly<Record<ApiError['code'], number>>;

/** The API's own codes. `SERVICE_UNAVAILABLE` is also what a proxy's 5xx becomes. */
export type ApiErrorCode = keyof typeof statusOfCode;

/**
 * Failures without an answer of the API:
 * `NETWORK_ERROR` it could not be reached, or the connection broke;
 * `TIMEOUT` no answer within `timeoutMs`, or a stream that fell silent;
 * `ABORTED` by the caller's own signal;
 * `INVALID_RESPONSE` something answered that is not this API;
 * `TOKEN_ERROR` the `token` option failed to give a usable token.
 */
export type ClientErrorCode =
  | 'NETWORK_ERROR'
  | 'TIMEOUT'
  | 'ABORTED'
  | 'INVALID_RESPONSE'
  | 'TOKEN_ERROR';

export type ErrorCode = ApiErrorCode | ClientErrorCode;

export interface OnDemandErrorOptions {
  readonly status?: number | undefined;
  readonly title?: string | undefined;
  readonly details?: Readonly<Record<string, unknown>> | undefined;
  readonly requestId?: string | undefined;
  readonly cause?: unknown;
}

/** Every failure of a call; no message, detail or cause ever holds the token. */
export class OnDemandError extends Error {
  override readonly name = 'OnDemandError';
  readonly code: ErrorCode;
  /** The HTTP status; undefined when nothing answered. */
  readonly status: number | undefined;
  /** The API's `error`, a short text of a fixed list; undefined when it did not answer. */
  readonly title: string | undefined;
  /** `outcome` is `'unknown'` after a mutation that may have taken effect although no answer came: check before you repeat it. */
  readonly details: Readonly<Record<string, unknown>>;
  /** What the API's log knows the request by; undefined when it did not answer. */
  readonly requestId: string | undefined;

  constructor(code: ErrorCode, message: string, options: OnDemandErrorOptions = {}) {
    const { status, title, details = {}, requestId, cause } = options;
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.status = status;
    this.title = title;
    this.details = details;
    this.requestId = requestId;
  }

  /** All but the stack and the cause, which can hold what is nobody else's business. */
  toJSON(): Readonly<Record<string, unknown>> {
    const { name, code, status, message, details, requestId } = this;
    return { name, code, status, message, details, requestId };
  }
}

/**
 * True for what a call rejects with, with the given code where one is named.
 * @example
 * try {
 *   await ondemand.containers.restart.mutate({ name: 'nginx' });
 * } catch (error) {
 *   if (!isApiError(error, 'NOT_FOUND')) throw error;
 *   console.error(error.message); // No container named 'nginx' on oci-flex …
 * }
 */
export function isApiError<Code extends ErrorCode>(
  error: unknown,
  code?: Code,
): error is OnDemandError & { readonly code: Code } {
  return error instanceof OnDemandError && (code === undefined || error.code === code);
}
