// One line per error code: what it is in HTTP, in tRPC and in the reference's own words.

import type { ErrorCode } from '@ondemand/core';
import type { TRPC_ERROR_CODE_KEY } from '@trpc/server';

export interface ErrorMapping {
  readonly status: number;
  readonly trpc: TRPC_ERROR_CODE_KEY;
  /** The published reference's text for the code, `ApiError.error`. */
  readonly error: string;
}

/** Exhaustive by type: a new `ErrorCode` does not compile without its line here. */
export const errorMap: Readonly<Record<ErrorCode, ErrorMapping>> = {
  BAD_REQUEST: { status: 400, trpc: 'BAD_REQUEST', error: 'Invalid request parameters' },
  UNAUTHORIZED: {
    status: 401,
    trpc: 'UNAUTHORIZED',
    error: 'Missing or invalid authentication token',
  },
  FORBIDDEN: { status: 403, trpc: 'FORBIDDEN', error: 'Insufficient permissions for this action' },
  NOT_FOUND: { status: 404, trpc: 'NOT_FOUND', error: 'Container not found' },
  METHOD_NOT_ALLOWED: { status: 405, trpc: 'METHOD_NOT_SUPPORTED', error: 'Method not allowed' },
  CONFLICT: { status: 409, trpc: 'CONFLICT', error: 'VM already running/stopped' },
  PAYLOAD_TOO_LARGE: { status: 413, trpc: 'PAYLOAD_TOO_LARGE', error: 'Request body too large' },
  UNSUPPORTED_MEDIA_TYPE: {
    status: 415,
    trpc: 'UNSUPPORTED_MEDIA_TYPE',
    error: 'Unsupported media type',
  },
  TOO_MANY_REQUESTS: { status: 429, trpc: 'TOO_MANY_REQUESTS', error: 'Too many requests' },
  INTERNAL_ERROR: { status: 500, trpc: 'INTERNAL_SERVER_ERROR', error: 'Internal server error' },
  SERVICE_UNAVAILABLE: {
    status: 503,
    trpc: 'SERVICE_UNAVAILABLE',
    error: 'VM not reachable via SSH',
  },
};
