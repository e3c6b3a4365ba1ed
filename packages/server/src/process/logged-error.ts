// How a failure stands in the log: the stack of a bug, and of all else its code and what caused it, in one line.

import { errorTexts, isAppError } from '@ondemand/core';
import { stdSerializers } from 'pino';

/** False for what is told to callers and for what the system refuses, such as a port or a file: neither is mended in our source. */
export function isBug(error: unknown): boolean {
  if (isAppError(error)) return error.text === errorTexts.INTERNAL_ERROR[0];
  return !(error instanceof Error && 'syscall' in error);
}

/** pino's serializer of `err`. */
export function toLoggedError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  if (isBug(error)) return stdSerializers.err(error);
  const { name: type } = error;
  return { type, ...('code' in error && { code: error.code }), message: toMessage(error) };
}

/** With those of its causes. */
function toMessage(error: Error): string {
  const { message, cause } = error;
  const own = message || String('code' in error ? error.code : error.name);
  if (!(cause instanceof Error)) return own;
  const why = toMessage(cause);
  return own.includes(why) ? own : `${own}: ${why}`;
}
