// The process's log: JSON lines for machines, colours for a person at a terminal, never credentials.

import { type Logger, pino } from 'pino';
import { toLoggedError } from './logged-error.ts';

export interface LoggerOptions {
  readonly level: string;
  readonly isTerminal: boolean;
  /** What each line has besides. */
  readonly toFields?: (() => object) | undefined;
  /** Where lines for machines go; stdout by default. */
  readonly destination?: pino.DestinationStream;
}

export async function createLogger({
  level,
  isTerminal,
  toFields,
  destination,
}: LoggerOptions): Promise<Logger> {
  const options: pino.LoggerOptions = {
    level,
    serializers: { err: toLoggedError },
    ...(toFields && { mixin: toFields }),
    redact: { paths: ['*.authorization', '*.headers.authorization', '*.token'], remove: true },
  };
  if (!isTerminal) return pino(options, destination);
  const { default: toPretty } = await import('pino-pretty');
  return pino(options, toPretty({ ignore: 'pid,hostname', sync: true }));
}
