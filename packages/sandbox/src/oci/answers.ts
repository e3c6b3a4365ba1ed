// What the API answers, and Oracle's error bodies: https://docs.oracle.com/iaas/Content/API/References/apierrors.htm

/** `body` is sent as JSON unless it is a string, which is sent as plain text. */
export interface OciAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** An error body; thrown by operations and sent as it stands. */
export class OciError extends Error {
  override readonly name = 'OciError';
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** One answer for what is not there and for what one may not see, as Oracle gives it. */
export function notFound(): OciError {
  return new OciError(
    404,
    'NotAuthorizedOrNotFound',
    'Authorization failed or requested resource not found.',
  );
}

export function noEtagMatch(): OciError {
  return new OciError(412, 'NoEtagMatch', 'The If-Match header does not match the resource.');
}

/** Another change of the instance is under way. */
export function beingModified(instanceId: string): OciError {
  return new OciError(
    409,
    'Conflict',
    `instance ${instanceId} is currently being modified, try again later`,
  );
}

/** The error that a fault with this status shows. */
export function toFaultError(status: number, instanceId: string): OciError {
  switch (status) {
    case 400:
      return new OciError(400, 'InvalidParameter', 'The request is incorrectly formatted.');
    case 401:
      return new OciError(
        401,
        'NotAuthenticated',
        'The required information to complete authentication was not provided or was incorrect.',
      );
    case 402:
      return new OciError(402, 'SignUpRequired', 'This operation requires opt-in.');
    case 403:
      return new OciError(403, 'Forbidden', 'This operation is not allowed.');
    case 404:
      return notFound();
    case 409:
      return beingModified(instanceId);
    case 412:
      return noEtagMatch();
    case 429:
      return new OciError(429, 'TooManyRequests', 'Too many requests for the user.');
    case 501:
      return new OciError(501, 'NotImplemented', 'This operation is not implemented.');
    case 503:
      return new OciError(503, 'ServiceUnavailable', 'The service is currently unavailable.');
    default:
      return new OciError(500, 'InternalError', 'An internal server error occurred.');
  }
}
