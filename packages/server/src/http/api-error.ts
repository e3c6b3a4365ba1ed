// Decides what a caller is told about a failure, for REST and tRPC alike.

import { AppError, type ErrorCode, errorCodes, isAppError } from '@ondemand/core';
import { TRPCError } from '@trpc/server';
import { z } from 'zod';
import { toChallenge } from '../auth/challenge.ts';
import { badInput, badPart, type Issue, unknownKey } from './bad-input.ts';
import { errorMap } from './error-statuses.ts';
import { noSuchPath } from './unknown-routes.ts';

export const apiErrorSchema = z
  .object({
    error: z
      .string()
      .describe(
        'What happened in a few words of a fixed list, docs/errors.md: a refinement of the code',
      ),
    code: z.enum(errorCodes).describe('What to tell failures apart by; it never changes'),
    message: z.string().describe('What happened here and what to do next'),
    details: z
      .looseObject({ requestId: z.string().describe('Also the x-request-id header') })
      .describe('Facts about this failure'),
  })
  .meta({ id: 'ApiError', description: 'What every failure answers with' });
export type ApiError = z.infer<typeof apiErrorSchema>;

export interface ErrorContext {
  readonly requestId: string;
  /** Where a 401 points to, RFC 9728. */
  readonly resourceMetadataUrl: string;
}

export interface ErrorResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: ApiError;
}

/** Total: whatever was thrown becomes an `ApiError` without internals. */
export function toErrorResponse(thrown: unknown, context: ErrorContext): ErrorResponse {
  const error = toAppError(thrown);
  return {
    status: errorMap[error.code].status,
    headers: toErrorHeaders(error, context),
    body: {
      error: error.text,
      code: error.code,
      message: error.message,
      details: { ...error.details, requestId: context.requestId },
    },
  };
}

/** Finds the `AppError` that a transport's own error stands for; anything unknown is `INTERNAL_ERROR`. */
export function toAppError(thrown: unknown): AppError {
  if (isAppError(thrown)) return thrown;
  if (thrown instanceof TRPCError) return fromTrpcError(thrown);
  return fromFastifyError(thrown) ?? internalError(thrown);
}

export function toTrpcError(error: AppError): TRPCError {
  return new TRPCError({
    code: errorMap[error.code].trpc,
    message: error.message,
    cause: error,
  });
}

function toErrorHeaders(error: AppError, context: ErrorContext): Record<string, string> {
  const headers: Record<string, string> = {};
  const challenge = toChallenge(error, context.resourceMetadataUrl);
  if (challenge !== undefined) headers['www-authenticate'] = challenge;
  const { retryAfterSeconds, allow } = error.details;
  if (typeof retryAfterSeconds === 'number')
    headers['retry-after'] = String(Math.ceil(retryAfterSeconds));
  if (Array.isArray(allow)) headers.allow = allow.join(', ');
  return headers;
}

function fromTrpcError(error: TRPCError): AppError {
  const { cause } = error;
  if (isAppError(cause)) return cause;
  if (isZodError(cause) && error.code === 'BAD_REQUEST') return badInput(toIssues(cause));
  switch (error.code) {
    case 'NOT_FOUND':
      return new AppError('NOT_FOUND', 'No such procedure; /docs lists what there is', {
        text: 'Procedure not found',
        cause,
      });
    case 'METHOD_NOT_SUPPORTED':
      return new AppError(
        'METHOD_NOT_ALLOWED',
        'A query is asked with GET, a mutation is sent with POST',
        { cause },
      );
    case 'PARSE_ERROR':
    case 'BAD_REQUEST':
      return badPart('call', 'The request is not a well-formed tRPC call'); // its cause quotes it
    case 'PAYLOAD_TOO_LARGE':
    case 'UNSUPPORTED_MEDIA_TYPE':
      return new AppError(error.code, transportMessages[error.code], { cause });
    default:
      return internalError(error);
  }
}

/** An unknown key is an issue of its own, and named as one. */
function toIssues({ issues }: z.ZodError): Issue[] {
  return issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => unknownKey([...issue.path, key].join('.')))
      : [{ path: issue.path.join('.'), message: toIssueMessage(issue) }],
  );
}

/** Worded for a query string, where every value is text. */
function toIssueMessage(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_type' && issue.expected === 'boolean') return 'must be true or false';
  if (issue.code === 'invalid_type' && issue.expected === 'int') return 'must be a whole number';
  if (issue.code === 'invalid_value') return `must be ${issue.values.join(' or ')}`;
  return issue.message;
}

const transportMessages = {
  BAD_REQUEST: 'The body is not valid JSON; send a JSON object, {} or nothing',
  PAYLOAD_TOO_LARGE: 'The body is larger than this API reads',
  UNSUPPORTED_MEDIA_TYPE: 'Send JSON (content-type: application/json) or no body at all',
} as const satisfies Partial<Record<ErrorCode, string>>;

/** Fastify's errors by their documented codes: https://fastify.dev/docs/latest/Reference/Errors/ */
function fromFastifyError(thrown: unknown): AppError | undefined {
  if (!(thrown instanceof Error)) return undefined;
  const { code, statusCode } = thrown as { code?: unknown; statusCode?: unknown }; // Fastify adds both
  switch (code) {
    // These two quote the URL, which may hold a token; so they are no cause, which would be logged.
    case 'FST_ERR_BAD_URL':
      return badPart('url', 'The URL is not properly percent-encoded');
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return badPart('url', 'A part of the path is longer than any name or id');
    case 'FST_STATIC_FORBIDDEN_PATH':
      return noSuchPath();
  }
  if (statusCode === 413) return transportError('PAYLOAD_TOO_LARGE', thrown);
  if (statusCode === 415) return transportError('UNSUPPORTED_MEDIA_TYPE', thrown);
  if (statusCode === 400) return badPart('body', transportMessages.BAD_REQUEST, thrown);
  return undefined;
}

function transportError(
  code: 'PAYLOAD_TOO_LARGE' | 'UNSUPPORTED_MEDIA_TYPE',
  cause: Error,
): AppError {
  return new AppError(code, transportMessages[code], { cause });
}

function internalError(cause: unknown): AppError {
  return new AppError(
    'INTERNAL_ERROR',
    'Something failed inside the API; its log has more under this request id',
    { cause },
  );
}

function isZodError(value: unknown): value is z.ZodError {
  return value instanceof z.ZodError || (value instanceof Error && value.name === 'ZodError');
}
