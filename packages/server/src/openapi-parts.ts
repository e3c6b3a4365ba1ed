// What every operation of the document has in common, whether it answers once or goes on.

import type { ErrorCode } from '@ondemand/core';
import { errorMap } from './error-map.ts';

/** Every operation needs a token, counts against a limit and can meet a bug. */
const commonErrors: readonly ErrorCode[] = [
  'UNAUTHORIZED',
  'FORBIDDEN',
  'TOO_MANY_REQUESTS',
  'INTERNAL_ERROR',
];

export const requestIdHeader = {
  'x-request-id': {
    description: 'Finds this request in the log',
    schema: { type: 'string' as const },
  },
};

/** By status: the common ones and those given, each as the shared response of its code. */
export function toErrorReferences(errors: readonly ErrorCode[]) {
  return Object.fromEntries(
    [...new Set([...commonErrors, ...errors])]
      .sort((a, b) => errorMap[a].status - errorMap[b].status)
      .map((code) => [errorMap[code].status, { $ref: `#/components/responses/${code}` }]),
  );
}
