// Input errors that a schema cannot detect.

import { AppError } from './app-error.ts';

/** `BAD_REQUEST` about the one input of that name, which `message` goes on from: "must be …". */
export function badRequest(path: string, message: string): AppError {
  return new AppError('BAD_REQUEST', `${path} ${message}`, {
    details: { issues: [{ path, message }] },
  });
}
