// How a command on the VM ended, and what that means for its caller.

import { constants } from 'node:os';
import type { AppError } from '../../app-error.ts';
import type { ChannelExit } from '../channel/channel-stream.ts';
import { ChannelRefusedError } from '../channel/channels.ts';
import { type SshReason, toAppError } from '../to-app-error.ts';

/** The exit code as a shell gives it: 128 + n after signal n; undefined when sshd did not say. */
export function toExitCode([code, signal]: ChannelExit): number | undefined {
  if (typeof code === 'number') return code;
  if (signal === undefined) return undefined;
  // Signals that this system does not know come out as 128, as their number is not sent.
  return 128 + (constants.signals[signal as NodeJS.Signals] ?? 0);
}

/** How a command that serves as a stream ended, once it had begun. */
export interface StreamEnd {
  readonly exit: ChannelExit;
  /** Whether it gave a byte on stdout. */
  readonly answered: boolean;
  /** What it said before that. */
  readonly stderr: string;
}

/** Exit code 0 is a clean end. Anything else is `SERVICE_UNAVAILABLE`; before the first byte on stdout with a `ChannelRefusedError` as `cause` that holds the stderr. */
export function judgeStreamEnd({ exit, answered, stderr }: StreamEnd): AppError | undefined {
  const exitCode = toExitCode(exit);
  if (exitCode === 0) return undefined;
  if (exitCode === undefined) return toAppError('OUTCOME_UNKNOWN');
  if (answered) return toAppError('COMMAND_FAILED', { details: { exitCode } });
  return toAppError(toEndReason(exitCode, stderr), {
    details: { exitCode },
    cause: new ChannelRefusedError(stderr.trim(), { exitCode }),
  });
}

function toEndReason(exitCode: number, stderr: string): SshReason {
  if (exitCode === 127) return 'COMMAND_NOT_FOUND';
  if (exitCode === 126 || /permission denied/i.test(stderr)) return 'PERMISSION_DENIED';
  return 'COMMAND_FAILED';
}
