// Describes an invalid request, part by part, in an answer of bounded length.

import { AppError } from '@ondemand/core';
import { toShortText } from './truncate-text.ts';

export interface Issue {
  /** The part of the request: a field, a query key, a header, `body`, `url`. */
  readonly path: string;
  readonly message: string;
}

/** `BAD_REQUEST` with the first 20 issues in `details.issues`; the first of them is its message. */
export function badInput(issues: readonly Issue[]): AppError {
  const told = issues.slice(0, maxIssues).map(({ path, message }) => ({
    path: toShortText(path),
    message: toShortText(message),
  }));
  const [{ path, message } = { path: '', message: 'invalid input' }] = told;
  return new AppError('BAD_REQUEST', `Invalid request: ${path && `${path}: `}${message}`, {
    details: { issues: told },
  });
}

/** `BAD_REQUEST` about one part of the request, in words that say which. */
export function badPart(path: string, message: string, cause?: unknown): AppError {
  return new AppError('BAD_REQUEST', message, { details: { issues: [{ path, message }] }, cause });
}

/** What to say of a key that nothing here reads, on either transport. */
export function unknownKey(path: string): Issue {
  return { path: path || '""', message: 'is no parameter of this' };
}

const maxIssues = 20;
