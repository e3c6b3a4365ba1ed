// The process's log: JSON lines for machines, colours for a person at a terminal, never credentials.

import { type Logger, pino } from 'pino';
import { toLoggedError } from './logged-error.ts';

export interface LoggerOptions {
  readonly level: string;
  readonly isTerminal: boolean;
}

export function createLogger({ level, isTerminal }: LoggerOptions): Logger {
  return pino({
    level,
    serializers: { err: toLoggedError },
    redact: { paths: ['*.authorization', '*.headers.authorization', '*.token'], remove: true },
    ...(isTerminal && {
      transport: { target: 'pino-pretty', options: { ignore: 'pid,hostname' } },
    }),
  });
}
