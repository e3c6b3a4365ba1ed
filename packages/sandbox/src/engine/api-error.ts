// Refusals of the engine, in dockerd's own words and with its status codes.

/** An answer `{ message }` with this status. */
export class ApiError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
  }
}

export function noSuchContainer(reference: string): ApiError {
  return new ApiError(404, `No such container: ${reference}`);
}
