// What a caller is told of a failure that is no part of an answer's own error: of a fault of ours only that there was one.

import { isAppError } from './app-error.ts';

/** Told of what is no `AppError`: a fault of ours, which no caller hears of and which belongs in the log. */
export type OnInternalError = (error: unknown) => void;

/** A sentence without its stop. */
export function toReason(error: unknown, onInternalError: OnInternalError): string {
  if (isAppError(error)) return error.message;
  onInternalError(error);
  return 'it failed inside the API, whose log has more';
}

/** Passes over what is reported elsewhere, or is of no consequence. */
export function reportInternal(error: unknown, onInternalError: OnInternalError): void {
  if (!isAppError(error)) onInternalError(error);
}
