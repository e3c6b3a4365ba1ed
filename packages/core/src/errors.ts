// One error type for every failure that a caller can be told about.

/** The codes a caller can meet; the server maps each to HTTP and tRPC, `docs/errors.md` explains each. */
export const errorCodes = [
  'BAD_REQUEST',
  'UNAUTHORIZED',
  'FORBIDDEN',
  'NOT_FOUND',
  'METHOD_NOT_ALLOWED',
  'CONFLICT',
  'PAYLOAD_TOO_LARGE',
  'UNSUPPORTED_MEDIA_TYPE',
  'TOO_MANY_REQUESTS',
  'INTERNAL_ERROR',
  'SERVICE_UNAVAILABLE',
] as const;

export type ErrorCode = (typeof errorCodes)[number];

/** JSON-safe facts about a failure; never a secret, a file path or an upstream's raw message. */
export type ErrorDetails = Record<string, unknown>;

export interface AppErrorOptions {
  readonly details?: ErrorDetails;
  /** What an adapter caught; logged, never sent to a caller. */
  readonly cause?: unknown;
}

/**
 * A failure told to the caller as it stands: `message` says what failed, on which thing and what to do next.
 * Only `code`, `message` and `details` leave the process; `cause` is for the log.
 */
export class AppError extends Error {
  override readonly name = 'AppError';
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, { details = {}, cause }: AppErrorOptions = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.details = details;
  }
}

/** True for an `AppError`, with the given code where one is named. */
export function isAppError(error: unknown, code?: ErrorCode): error is AppError {
  return error instanceof AppError && (code === undefined || error.code === code);
}
