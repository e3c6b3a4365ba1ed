// The WWW-Authenticate header of a refusal: https://www.rfc-editor.org/rfc/rfc6750#section-3

import { AppError, type AppErrorOptions } from '@ondemand/core';

export const realm = 'ondemand';

/** RFC 6750's `error` values; a refusal carries its own in `details.reason`. */
export type BearerError = 'invalid_request' | 'invalid_token' | 'insufficient_scope';

/** No credentials were sent, or of another scheme: a challenge without an `error`. */
export function missingToken(): AppError {
  return new AppError(
    'UNAUTHORIZED',
    'No bearer token; send it as the header `Authorization: Bearer TOKEN`',
  );
}

/** The token is malformed, expired, revoked or not meant for us; `message` never repeats any of it. */
export function invalidToken(
  message: string,
  options: AppErrorOptions<'UNAUTHORIZED'> = {},
): AppError {
  return new AppError('UNAUTHORIZED', message, {
    ...options,
    details: { ...options.details, reason: 'invalid_token' satisfies BearerError },
  });
}

/** The credentials are not in the form of RFC 6750, so nothing was checked. */
export function invalidAuthRequest(message: string): AppError {
  return new AppError('BAD_REQUEST', message, {
    details: {
      reason: 'invalid_request' satisfies BearerError,
      issues: [{ path: 'authorization', message }],
    },
  });
}

/** By the issuer's names: which would each be enough, and what of ours is there. A challenge cannot say "or", so it names the first. */
export function insufficientScope(enough: readonly string[], granted: readonly string[]): AppError {
  const has = granted.length === 0 ? "none of this API's scopes" : granted.join(' and ');
  return new AppError(
    'FORBIDDEN',
    `This needs the scope ${enough.map((scope) => `"${scope}"`).join(' or ')}, which the token lacks (it grants ${has}); ask the issuer for a token with it`,
    { details: { reason: 'insufficient_scope' satisfies BearerError, scope: enough[0] } },
  );
}

/** The header that goes with an error, or undefined when it is not about authentication. */
export function toChallenge(error: AppError, resourceMetadataUrl: string): string | undefined {
  const { reason, scope } = error.details;
  const isAuth =
    error.code === 'UNAUTHORIZED' || error.code === 'FORBIDDEN' || reason === 'invalid_request';
  if (!isAuth) return undefined;
  const parameters = [['realm', realm]];
  if (typeof reason === 'string') {
    parameters.push(['error', reason], ['error_description', error.message]);
  }
  if (typeof scope === 'string') parameters.push(['scope', scope]);
  parameters.push(['resource_metadata', resourceMetadataUrl]);
  return `Bearer ${parameters.map(([name, value = '']) => `${name}="${toQuotedText(value)}"`).join(', ')}`;
}

/** RFC 6750 allows %x20-21 / %x23-5B / %x5D-7E: no quote, no backslash. */
function toQuotedText(value: string): string {
  return value.replaceAll('"', "'").replaceAll(/[^\x20-\x5b\x5d-\x7e]/g, '?');
}
