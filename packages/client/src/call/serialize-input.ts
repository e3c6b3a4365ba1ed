// The input of a call as the text that is sent.

import { OnDemandError } from '../errors.ts';

/** Undefined where there is no input. Throws `BAD_REQUEST` for what JSON cannot hold. */
export function toInputText(input: unknown, path: string): string | undefined {
  try {
    return JSON.stringify(input);
  } catch (cause) {
    throw new OnDemandError('BAD_REQUEST', `The input of ${path} cannot be written as JSON`, {
      cause,
    });
  }
}
