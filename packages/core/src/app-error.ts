// The one error type for every failure that is reported to a caller.

import { type ErrorCode, type ErrorText, errorTexts } from './error-texts.ts';

/** JSON-safe facts about a failure; never a secret, a file path or an upstream's raw message. */
export type ErrorDetails = Record<string, unknown>;

export interface AppErrorOptions<Code extends ErrorCode = ErrorCode> {
  /** What people are shown; the code's first text when left out. */
  readonly text?: ErrorText<Code> | undefined;
  readonly details?: ErrorDetails;
  /** What an adapter caught; logged, never sent to a caller. */
  readonly cause?: unknown;
}

/**
 * A failure told to the caller as it stands: `message` says what failed, on which thing and what to do next.
 * Only `code`, `text`, `message` and `details` leave the process; `cause` is for the log.
 */
export class AppError<Code extends ErrorCode = ErrorCode> extends Error {
  override readonly name = 'AppError';
  readonly code: Code;
  /** `ApiError.error`: what happened in a few words of a fixed list. */
  readonly text: ErrorText<Code>;
  readonly details: ErrorDetails;

  constructor(code: Code, message: string, options?: AppErrorOptions<Code>) {
    const { text = errorTexts[code][0], details = {}, cause } = options ?? {};
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.text = text;
    this.details = details;
  }
}

/** True for an `AppError`, with the given code where one is named. */
export function isAppError<Code extends ErrorCode = ErrorCode>(
  error: unknown,
  code?: Code,
): error is AppError<Code> {
  return error instanceof AppError && (code === undefined || error.code === code);
}
