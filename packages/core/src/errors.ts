// The one error type for every failure that is reported to a caller.

/** The codes a caller can meet; the server maps each to HTTP and tRPC, `docs/errors.md` explains each. */
export const errorCodes = [
  'BAD_REQUEST',
  'UNAUTHORIZED',
  'FORBIDDEN',
  'NOT_FOUND',
  'METHOD_NOT_ALLOWED',
  'CONFLICT',
  'PAYLOAD_TOO_LARGE',
  'UNSUPPORTED_MEDIA_TYPE',
  'TOO_MANY_REQUESTS',
  'INTERNAL_ERROR',
  'SERVICE_UNAVAILABLE',
] as const;

export type ErrorCode = (typeof errorCodes)[number];

/**
 * What people are shown as `ApiError.error`: the texts that a failure of each code can have, its default first, which is the published reference's.
 * Each has its line in `docs/errors.md`, checked by a test.
 */
export const errorTexts = {
  BAD_REQUEST: ['Invalid request parameters'],
  UNAUTHORIZED: ['Missing or invalid authentication token'],
  FORBIDDEN: ['Insufficient permissions for this action'],
  NOT_FOUND: [
    'Container not found',
    'Job not found',
    'Lease not found',
    'Path not found',
    'Procedure not found',
  ],
  METHOD_NOT_ALLOWED: ['Method not allowed'],
  CONFLICT: [
    'VM already running/stopped',
    'VM is starting',
    'VM is stopping',
    'VM is being created',
    'VM is being deleted',
    'VM was deleted',
    'VM image is being made',
    'VM in transition',
    'Container is paused',
    'Container is being removed',
    'Container is dead',
    'Container conflict',
    'Container log not readable',
    'Port already in use',
    'Needed container missing',
    'Needed container not running',
    'Needed network missing',
    'Rebuild already running',
    'Rebuild not possible',
    'Job already ended',
    'Job cannot be cancelled',
    'Too many leases',
  ],
  PAYLOAD_TOO_LARGE: ['Request body too large'],
  UNSUPPORTED_MEDIA_TYPE: ['Unsupported media type'],
  TOO_MANY_REQUESTS: ['Too many requests'],
  INTERNAL_ERROR: [
    'Internal server error',
    'Build failed',
    'Build lost',
    'Build cancelled',
    'Job not started',
    'Lease not written',
    'Container failed to start',
    'Container action failed',
    'OCI refused our credentials',
    'OCI refused the request',
    'VM not found in OCI',
    'VM address not readable',
    'VM console not readable',
    'OCI limit reached',
    'OCI account not in order',
    'OCI endpoint not supported',
    'OCI configuration not usable',
  ],
  SERVICE_UNAVAILABLE: [
    'VM not reachable via SSH',
    'VM not running',
    'VM is starting',
    'VM is stopping',
    'VM is being created',
    'VM is being deleted',
    'VM was deleted',
    'VM image is being made',
    'VM in transition',
    'VM has no public IP',
    'Missing software on the VM',
    'Command failed on the VM',
    'Docker not reachable',
    'Docker failed',
    'Docker version not supported',
    'OCI not reachable',
    'OCI failed',
    'OCI throttles requests',
    'OCI out of capacity',
    'Outcome unknown',
    'Nothing was started',
    'Jobs not readable',
    'Leases not readable',
    'Job still running',
    'Too many requests under way',
    'Token issuer not reachable',
    'Token not checked',
    'Audit log not available',
    'No answer in time',
    'API is shutting down',
  ],
} as const satisfies Readonly<Record<ErrorCode, readonly [string, ...string[]]>>;

/** A text that a failure of the code can have. */
export type ErrorText<Code extends ErrorCode = ErrorCode> = (typeof errorTexts)[Code][number];

/** JSON-safe facts about a failure; never a secret, a file path or an upstream's raw message. */
export type ErrorDetails = Record<string, unknown>;

export interface AppErrorOptions<Code extends ErrorCode = ErrorCode> {
  /** What people are shown; the code's first text when left out. */
  readonly text?: ErrorText<Code> | undefined;
  readonly details?: ErrorDetails;
  /** What an adapter caught; logged, never sent to a caller. */
  readonly cause?: unknown;
}

/**
 * A failure told to the caller as it stands: `message` says what failed, on which thing and what to do next.
 * Only `code`, `text`, `message` and `details` leave the process; `cause` is for the log.
 */
export class AppError<Code extends ErrorCode = ErrorCode> extends Error {
  override readonly name = 'AppError';
  readonly code: Code;
  /** `ApiError.error`: what happened in a few words of a fixed list. */
  readonly text: ErrorText<Code>;
  readonly details: ErrorDetails;

  constructor(code: Code, message: string, options?: AppErrorOptions<Code>) {
    const { text = errorTexts[code][0], details = {}, cause } = options ?? {};
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.text = text;
    this.details = details;
  }
}

/** True for an `AppError`, with the given code where one is named. */
export function isAppError<Code extends ErrorCode = ErrorCode>(
  error: unknown,
  code?: Code,
): error is AppError<Code> {
  return error instanceof AppError && (code === undefined || error.code === code);
}
