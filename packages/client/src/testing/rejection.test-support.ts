// Checks a rejection whole: that it is an OnDemandError, and each of its fields.

import { expect } from 'vitest';
import { type ErrorCode, isApiError, OnDemandError } from '../errors.ts';

/** How the message of a mutation ends that may have taken effect. */
export const unknownOutcome =
  /; whether the action took place is unknown, so look before you repeat it$/;

/** What the promise rejects with; fails when it resolves or rejects with anything but an `OnDemandError`. */
export async function rejectionOf(promise: Promise<unknown>): Promise<OnDemandError> {
  const error = await promise.then(
    (value) => new Error(`resolved with ${JSON.stringify(value)}`),
    (reason: unknown) => reason,
  );
  if (!(error instanceof OnDemandError)) throw error;
  return error;
}

export interface ExpectedError {
  readonly code: ErrorCode;
  readonly status?: number | undefined;
  readonly message: string | RegExp;
  readonly details?: Readonly<Record<string, unknown>>;
  readonly requestId?: string | undefined;
}

export async function expectRejection(
  promise: Promise<unknown>,
  expected: ExpectedError,
): Promise<OnDemandError> {
  const { code, status, message, details = {}, requestId } = expected;
  const error = await rejectionOf(promise);
  expect(error).toMatchObject({ name: 'OnDemandError', code, status, details, requestId });
  expect(error.details).toEqual(details);
  expect(error.message).toMatch(message);
  expect(isApiError(error, code)).toBe(true);
  return error;
}
