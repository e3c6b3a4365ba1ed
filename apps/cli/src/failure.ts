// Turns whatever was thrown into one line and one exit code.

import type { ErrorCode, OnDemandError } from '@ondemand/client';
import { CliError } from './cli-error.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';
import type { TokenOrigin } from './settings.ts';

export interface Failure {
  /** What failed and what to do. */
  readonly message: string;
  readonly exitCode: ExitCode;
}

/** Never throws; what is neither the API's failure nor the user's is reported as the CLI's own. */
export async function toFailure(
  error: unknown,
  tokenFrom: TokenOrigin = 'ONDEMAND_TOKEN',
): Promise<Failure> {
  if (error instanceof CliError) {
    return { message: error.message, exitCode: error.exitCode };
  }
  const { isApiError } = await import('@ondemand/client'); // late, so that usage errors come at once
  if (isApiError(error, 'TOKEN_ERROR') && error.cause instanceof CliError) {
    return toFailure(error.cause); // the token is ours to give, and so is the reason why there is none
  }
  if (isApiError(error)) return fromApi(error, tokenFrom);
  const what = error instanceof Error ? error.message : String(error);
  return {
    message: `Unexpected failure of ondemand itself, please report it: ${what}`,
    exitCode: exitCodes.failed,
  };
}

/** Exhaustive by type: a code that the client adds does not compile without its line here. */
const exitCodeOf: Readonly<Record<ErrorCode, ExitCode>> = {
  BAD_REQUEST: exitCodes.usage,
  UNAUTHORIZED: exitCodes.denied,
  FORBIDDEN: exitCodes.denied,
  NOT_FOUND: exitCodes.notFound,
  METHOD_NOT_ALLOWED: exitCodes.failed,
  CONFLICT: exitCodes.conflict,
  PAYLOAD_TOO_LARGE: exitCodes.failed,
  UNSUPPORTED_MEDIA_TYPE: exitCodes.failed,
  TOO_MANY_REQUESTS: exitCodes.unavailable,
  INTERNAL_ERROR: exitCodes.failed,
  SERVICE_UNAVAILABLE: exitCodes.unavailable,
  NETWORK_ERROR: exitCodes.unavailable,
  TIMEOUT: exitCodes.unavailable,
  ABORTED: exitCodes.interrupted,
  INVALID_RESPONSE: exitCodes.failed,
  TOKEN_ERROR: exitCodes.denied,
};

export function toExitCode(code: ErrorCode): ExitCode {
  return exitCodeOf[code];
}

function fromApi(error: OnDemandError, tokenFrom: TokenOrigin): Failure {
  const advice = [toAdvice(error, tokenFrom), toReference(error)].filter(
    (part) => part !== undefined,
  );
  return {
    message: [error.message, ...advice].join('; '),
    exitCode: toExitCode(error.code),
  };
}

/** What to do in the words of this CLI, where the API can only speak of its own. */
function toAdvice({ code, details }: OnDemandError, tokenFrom: TokenOrigin): string | undefined {
  if (code === 'UNAUTHORIZED') {
    return tokenFrom === 'ondemand login'
      ? 'run ondemand login'
      : 'set ONDEMAND_TOKEN to a valid access token';
  }
  if (code === 'FORBIDDEN') return 'ondemand whoami shows what the token allows';
  if (code === 'NOT_FOUND' && 'name' in details) return 'ondemand ps lists the names there are';
  if (code === 'CONFLICT' && typeof details.job === 'string') {
    return `ondemand jobs ${details.job} -f follows it`;
  }
  if (code === 'TOKEN_ERROR') return `it comes from ${tokenFrom}`;
  if (code === 'NETWORK_ERROR') return 'ONDEMAND_URL or --url says where the API is';
  if (code === 'SERVICE_UNAVAILABLE' && details.lifecycleState === 'STOPPED') {
    return 'from here that is ondemand vm start --wait';
  }
  return undefined;
}

/** By what its operators find the failure in the API's log. */
function toReference({ code, requestId }: OnDemandError): string | undefined {
  return code === 'INTERNAL_ERROR' && requestId !== undefined
    ? `request id ${requestId}`
    : undefined;
}
