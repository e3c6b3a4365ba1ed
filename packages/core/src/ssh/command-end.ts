// How a command on the VM ended, and what that means for whoever used it.

import { constants } from 'node:os';
import type { ClientChannel } from 'ssh2';
import type { AppError } from '../errors.ts';
import type { ChannelExit } from './channel-stream.ts';
import { ChannelRefusedError } from './channels.ts';
import { type SshReason, toAppError } from './to-app-error.ts';

const stderrLimit = 4_096;

/** The exit code as a shell gives it: 128 + n after signal n; undefined when sshd did not say. */
export function toExitCode([code, signal]: ChannelExit): number | undefined {
  if (typeof code === 'number') return code;
  if (signal === undefined) return undefined;
  // Signals that this system does not know come out as 128, as their number is not sent.
  return 128 + (constants.signals[signal as NodeJS.Signals] ?? 0);
}

/**
 * Watches a command that serves as a stream; the returned function judges its end.
 * Exit code 0 is a clean end. Anything else is `SERVICE_UNAVAILABLE`; before the first byte on stdout with a `ChannelRefusedError` as `cause` that holds the stderr.
 */
export function watchCommand(channel: ClientChannel): (exit: ChannelExit) => AppError | undefined {
  let stderr = '';
  let answered = false;
  channel.once('data', () => {
    answered = true;
  });
  channel.stderr.on('data', (chunk: Buffer) => {
    if (!answered) stderr = `${stderr}${chunk.toString()}`.slice(0, stderrLimit);
  });
  return (exit) => {
    const exitCode = toExitCode(exit);
    if (exitCode === 0) return undefined;
    if (exitCode === undefined) return toAppError('OUTCOME_UNKNOWN');
    if (answered) return toAppError('COMMAND_FAILED', { details: { exitCode } });
    return toAppError(toEndReason(exitCode, stderr), {
      details: { exitCode },
      cause: new ChannelRefusedError(stderr.trim(), { exitCode }),
    });
  };
}

function toEndReason(exitCode: number, stderr: string): SshReason {
  if (exitCode === 127) return 'COMMAND_NOT_FOUND';
  if (exitCode === 126 || /permission denied/i.test(stderr)) return 'PERMISSION_DENIED';
  return 'COMMAND_FAILED';
}
