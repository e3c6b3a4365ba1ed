// Converts anything thrown to one line and one exit code.

import type { ErrorCode, OnDemandError } from '@ondemand/client';
import type { TokenOrigin } from './api-target.ts';
import { CliError } from './cli-error.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';
import { type ErrorBody, toOwnBody } from './json-error.ts';

export interface Failure {
  /** What failed and what to do. */
  readonly message: string;
  readonly exitCode: ExitCode;
  /** The same for programs: the API's own words where it has said them. */
  readonly body: ErrorBody;
}

/** Never throws; what is neither the API's failure nor the user's is reported as the CLI's own. */
export async function toFailure(
  error: unknown,
  tokenFrom: TokenOrigin = 'ONDEMAND_TOKEN',
): Promise<Failure> {
  if (error instanceof CliError) {
    return toOwn(error.message, error.exitCode);
  }
  const { isApiError } = await import('@ondemand/client'); // late, so that usage errors come at once
  if (isApiError(error, 'TOKEN_ERROR') && error.cause instanceof CliError) {
    return toFailure(error.cause); // the token is ours to give, and so is the reason why there is none
  }
  if (isApiError(error)) return fromApi(error, tokenFrom);
  const what = error instanceof Error ? error.message : String(error);
  return toOwn(
    `Unexpected failure of ondemand itself, please report it: ${what}`,
    exitCodes.failed,
  );
}

function toOwn(message: string, exitCode: ExitCode): Failure {
  return { message, exitCode, body: toOwnBody(exitCode, message) };
}

/** Why something is tried again: the token is ours to give, and so is the reason why there is none. */
export function toReason({ message, cause }: OnDemandError): string {
  return cause instanceof CliError ? cause.message : message;
}

/** Of a code that this version does not know, undefined. */
export function toExitCode(code: string): ExitCode | undefined {
  return Object.hasOwn(exitCodeOf, code) ? exitCodeOf[code as ErrorCode] : undefined;
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

function fromApi(error: OnDemandError, tokenFrom: TokenOrigin): Failure {
  if (isUnknownCall(error)) return { ...unknownCall, body: toBody(error) };
  const parts = [
    toOwnWords(error) ?? error.message,
    toAdvice(error, tokenFrom),
    toReference(error),
  ];
  return {
    message: parts.filter((part) => part !== undefined).join('; '),
    exitCode: exitCodeOf[error.code],
    body: toBody(error),
  };
}

/** As the API sent it; of a failure without an answer, in the same shape. */
function toBody({ code, title, message, details, requestId }: OnDemandError): ErrorBody {
  const { error } = toOwnBody(exitCodeOf[code], message);
  const id = requestId === undefined ? {} : { requestId };
  return { error: title ?? error, code, message, details: { ...id, ...details } };
}

/** The details of a thing that is not there name it; a path that is not there has no thing, so this is no exit 4 for scripts. */
function isUnknownCall({ code, details }: OnDemandError): boolean {
  return code === 'NOT_FOUND' && Object.keys(details).every((key) => key === 'requestId');
}

const unknownCall: Omit<Failure, 'body'> = {
  message:
    'The API does not know this call; ONDEMAND_URL or --url has to say where the API itself is, unless it is older than this ondemand',
  exitCode: exitCodes.failed,
};

/** Instead of a message that tells users of other interfaces what to do; by its facts, as its text may change. */
function toOwnWords({ code, details }: OnDemandError): string | undefined {
  const { job, lifecycleState, outcome, phase } = details;
  if (code === 'NOT_FOUND' && typeof job === 'string') {
    return `No job '${job}' on oci-flex; ondemand jobs lists the last 50, which are kept`;
  }
  if (outcome !== undefined) return undefined; // what became of an action stays the first thing to say
  if (code === 'SERVICE_UNAVAILABLE' && phase !== undefined) {
    return phase === 'off-inside' ? offInside : undefined; // a wake that failed says why
  }
  if (code === 'SERVICE_UNAVAILABLE' && lifecycleState === 'STOPPED') {
    return 'oci-flex is not running (STOPPED): start it with ondemand wake';
  }
  if (code === 'SERVICE_UNAVAILABLE' && lifecycleState === 'STOPPING') {
    return 'oci-flex is not running (STOPPING): once it has stopped, start it with ondemand wake';
  }
  if (code === 'TIMEOUT') {
    return 'The API did not answer in time; try again later, or see whether ONDEMAND_URL or --url is where it is';
  }
  return undefined;
}

const offInside =
  'oci-flex was woken and does not become ready: its system has shut down, though OCI says RUNNING and bills it: ondemand vm stop --hard, then ondemand wake';

/** What to do in the words of this CLI, where the API can only speak of its own. */
function toAdvice({ code, details }: OnDemandError, tokenFrom: TokenOrigin): string | undefined {
  if (code === 'UNAUTHORIZED') {
    return tokenFrom === 'ONDEMAND_TOKEN'
      ? 'set ONDEMAND_TOKEN to a valid access token'
      : `run ${tokenFrom}`;
  }
  if (code === 'FORBIDDEN') return 'ondemand whoami shows what the token allows';
  if (code === 'NOT_FOUND' && 'name' in details) return 'ondemand ps lists the names there are';
  if (code === 'CONFLICT' && typeof details.job === 'string') {
    return `ondemand jobs ${details.job} -f follows it`;
  }
  if (code === 'TOKEN_ERROR') return `it comes from ${tokenFrom}`;
  if (code === 'NETWORK_ERROR' || code === 'INVALID_RESPONSE') {
    return 'ONDEMAND_URL, --url or the context says where the API is';
  }
  return undefined;
}

/** By what its operators find the failure in the API's log. */
function toReference({ code, requestId }: OnDemandError): string | undefined {
  return code === 'INTERNAL_ERROR' && requestId !== undefined
    ? `request id ${requestId}`
    : undefined;
}
