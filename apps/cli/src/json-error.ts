// The one shape of errors for programs: what the API answers, and what `--json` prints of the CLI's own failures.

import { type ExitCode, exitCodes } from './exit-codes.ts';

/** As the API's `ApiError`. */
export interface ErrorBody {
  /** A short text of a fixed list. */
  readonly error: string;
  /** One of the API's codes, or `NETWORK_ERROR`, `TIMEOUT`, `ABORTED`, `INVALID_RESPONSE`, `TOKEN_ERROR` of its client. */
  readonly code: string;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
}

export function isErrorBody(value: unknown): value is ErrorBody {
  if (typeof value !== 'object' || value === null) return false;
  const { error, code, message, details } = value as Partial<Record<keyof ErrorBody, unknown>>;
  return (
    [error, code, message].every((part) => typeof part === 'string') &&
    typeof details === 'object' &&
    details !== null
  );
}

/** Of a failure that no answer of the API told of. */
export function toOwnBody(
  exitCode: ExitCode,
  message: string,
  details: ErrorBody['details'] = {},
): ErrorBody {
  return { ...ownErrors[exitCode], message, details };
}

const ownErrors: Readonly<Record<ExitCode, Pick<ErrorBody, 'error' | 'code'>>> = {
  [exitCodes.done]: { error: 'No error', code: 'INTERNAL_ERROR' },
  [exitCodes.failed]: { error: 'Failed', code: 'INTERNAL_ERROR' },
  [exitCodes.usage]: { error: 'Wrong usage', code: 'BAD_REQUEST' },
  [exitCodes.denied]: { error: 'Not authenticated or not allowed', code: 'UNAUTHORIZED' },
  [exitCodes.notFound]: { error: 'Not found', code: 'NOT_FOUND' },
  [exitCodes.conflict]: { error: 'Conflict with the present state', code: 'CONFLICT' },
  [exitCodes.unavailable]: { error: 'Not available', code: 'SERVICE_UNAVAILABLE' },
  [exitCodes.timedOut]: { error: 'Timed out', code: 'TIMEOUT' },
  [exitCodes.interrupted]: { error: 'Interrupted', code: 'ABORTED' },
};
