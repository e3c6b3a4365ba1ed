// The error for a container that is not found.

import { AppError } from '../app-error.ts';
import { vmId } from './vm.ts';

/** `NOT_FOUND`, by the name that the caller asked for. */
export function containerMissing(name: string | undefined, cause?: unknown): AppError {
  return new AppError('NOT_FOUND', `No container named '${name}' on ${vmId}`, {
    details: { name },
    cause,
  });
}
