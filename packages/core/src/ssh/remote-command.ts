// A command that runs on the VM by itself: its output as it comes, its end, and a way to stop it.

import type { ClientChannel } from 'ssh2';
import type { AppError } from '../errors.ts';
import { type ChannelExit, closeChannel } from './channel-stream.ts';
import { toExitCode } from './command-end.ts';
import { createPreambleFilter } from './command-line.ts';
import { toAppError } from './to-app-error.ts';

export interface CommandOutput {
  /** Gets the output piece by piece, in the order it came. */
  readonly onOutput?: ((chunk: Buffer) => void) | undefined;
}

export interface RemoteCommand {
  /** The exit code once the command has ended and given all its output, 128 + n after signal n. Rejects with `SERVICE_UNAVAILABLE` when the outcome cannot be known. */
  readonly exit: Promise<number>;
  /** Asks the command and its children to end, kills them after a grace of a second, and closes the channel. */
  stop(): void;
}

export interface RemoteCommandOptions extends CommandOutput {
  readonly mark: string;
  /** Ends a process group of the VM by another command; calls back when that could not be started. */
  readonly kill: (pid: number, onRefused: () => void) => void;
}

export const graceSeconds = 1;

/** Takes over a channel on which a command has just been started; `fail` is for the loss of the connection. */
export function createRemoteCommand(
  channel: ClientChannel,
  { onOutput = () => {}, mark, kill }: RemoteCommandOptions,
): { readonly command: RemoteCommand; fail(error: AppError): void } {
  let fail: (error: AppError) => void = () => {};
  let pid: number | undefined;
  let graceTimer: NodeJS.Timeout | undefined;
  const filter = createPreambleFilter({ mark, onOutput, onPid: (value) => (pid = value) });
  for (const stream of [channel, channel.stderr]) {
    stream.on('data', (chunk: Buffer) => filter.add(chunk));
  }
  const exit = new Promise<number>((resolve, reject) => {
    fail = reject;
    channel.once('close', (...how: ChannelExit) => {
      filter.end();
      const exitCode = toExitCode(how);
      if (exitCode === undefined) reject(toAppError('OUTCOME_UNKNOWN'));
      else resolve(exitCode);
    });
  });
  const settled = () => clearTimeout(graceTimer);
  // Whoever waits for the exit sees it fail; nobody has to wait.
  exit.then(settled, settled);

  const signal = (name: 'TERM' | 'KILL') => {
    try {
      channel.signal(name);
    } catch {
      // The connection has gone, and the channel with it.
    }
  };

  return {
    fail: (error) => fail(error),
    command: {
      exit,
      stop() {
        if (graceTimer !== undefined) return;
        graceTimer = setTimeout(() => {
          signal('KILL');
          closeChannel(channel);
        }, graceSeconds * 1_000);
        if (pid === undefined) signal('TERM');
        else kill(pid, () => signal('TERM'));
      },
    },
  };
}
