// What every operation of the document has in common, whether it answers once or streams.

import type { ErrorCode } from '@ondemand/core';
import type { AnyScope } from '../auth/principal.ts';
import { errorMap } from '../http/error-statuses.ts';

/** Every operation needs a token in its header, knows its query, counts against a limit, asks the issuer and can meet a bug. */
const commonErrors: readonly ErrorCode[] = [
  'BAD_REQUEST',
  'UNAUTHORIZED',
  'FORBIDDEN',
  'TOO_MANY_REQUESTS',
  'INTERNAL_ERROR',
  'SERVICE_UNAVAILABLE',
];

/** Of operations that may be sent a body, whether or not they take one. */
export const bodyErrors: readonly ErrorCode[] = ['PAYLOAD_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE'];

export const requestIdHeader = {
  'x-request-id': {
    description: 'Finds this request in the log',
    schema: { type: 'string' as const },
  },
};

/** Alternatives: one of the scopes is enough. */
export function toSecurity(scopes: AnyScope) {
  return scopes.map((scope) => ({ bearerAuth: [scope] as string[] }));
}

/** By status: the common ones and those given, each as the shared response of its code. */
export function toErrorReferences(errors: readonly ErrorCode[]) {
  return Object.fromEntries(
    [...new Set([...commonErrors, ...errors])]
      .sort((a, b) => errorMap[a].status - errorMap[b].status)
      .map((code) => [errorMap[code].status, { $ref: `#/components/responses/${code}` }]),
  );
}
