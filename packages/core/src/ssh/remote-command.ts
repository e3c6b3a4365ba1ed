// A command that runs on the VM by itself: its output as it comes, its end, and ways to stop it.

import type { ClientChannel } from 'ssh2';
import type { AppError } from '../errors.ts';
import { type ChannelExit, closeChannel } from './channel-stream.ts';
import { toExitCode } from './command-end.ts';
import { toAppError } from './to-app-error.ts';

export interface CommandOutput {
  /** Gets the output piece by piece, in the order it came. */
  readonly onOutput?: (chunk: Buffer) => void;
}

export interface RemoteCommand {
  /** The exit code once the command has ended and given all its output, 128 + n after signal n. Rejects with `SERVICE_UNAVAILABLE` when the outcome cannot be known. */
  readonly exit: Promise<number>;
  /** Asks the command to end, kills it after a grace of a second, and closes its channel either way. */
  stop(): void;
}

const graceMs = 1_000;

/** Takes over a channel on which a command has just been started; `fail` is for the loss of the connection. */
export function createRemoteCommand(
  channel: ClientChannel,
  { onOutput }: CommandOutput,
): { readonly command: RemoteCommand; fail(error: AppError): void } {
  let fail: (error: AppError) => void = () => {};
  let graceTimer: NodeJS.Timeout | undefined;
  const exit = new Promise<number>((resolve, reject) => {
    fail = reject;
    channel.once('close', (...how: ChannelExit) => {
      clearTimeout(graceTimer);
      const exitCode = toExitCode(how);
      if (exitCode === undefined) reject(toAppError('OUTCOME_UNKNOWN'));
      else resolve(exitCode);
    });
  });
  // Whoever waits for the exit sees it fail; nobody has to wait.
  exit.catch(() => clearTimeout(graceTimer));
  for (const stream of [channel, channel.stderr]) {
    stream.on('data', (chunk: Buffer) => onOutput?.(chunk));
  }

  return {
    fail: (error) => fail(error),
    command: {
      exit,
      stop() {
        if (graceTimer !== undefined) return;
        sendSignal(channel, 'TERM');
        graceTimer = setTimeout(() => {
          sendSignal(channel, 'KILL');
          closeChannel(channel);
        }, graceMs);
      },
    },
  };
}

function sendSignal(channel: ClientChannel, name: 'TERM' | 'KILL'): void {
  try {
    channel.signal(name);
  } catch {
    // The connection has gone, and the channel with it.
  }
}
