// A command that runs on the VM by itself: its output as it comes, its end, and a way to stop it.

import type { ClientChannel } from 'ssh2';
import type { AppError } from '../../app-error.ts';
import { type ChannelExit, closeChannel } from '../channel/channel-stream.ts';
import { toAppError } from '../to-app-error.ts';
import { toExitCode } from './command-end.ts';
import { createPreambleFilter } from './command-line.ts';
import { toShellError, toShellTimeoutError } from './shell-failure.ts';

export interface CommandOutput {
  /** Gets the output piece by piece, in the order it came. */
  readonly onOutput?: ((chunk: Buffer) => void) | undefined;
}

export interface RemoteCommand {
  /** The exit code once the command has ended and given all its output, 128 + n after signal n. Rejects with `SERVICE_UNAVAILABLE` when it never began, or the outcome cannot be known. */
  readonly exit: Promise<number>;
  /** Asks the command and its children to end, kills them after a grace of a second, and closes the channel. */
  stop(): void;
}

/** What tells a command from what else the login may run. */
export interface CommandStart {
  readonly marker: string;
  /** Of the SSH login, for messages. */
  readonly user: string;
  /** How long the marker may take. */
  readonly startTimeoutMs: number;
  /** Told when something else ran in the command's place, or still does. */
  readonly onNeverBegan: (isHanging: boolean) => void;
}

export interface RemoteCommandOptions extends CommandOutput, CommandStart {
  /** Ends a process group of the VM by another command; calls back when that could not be started. */
  readonly kill: (pid: number, onRefused: () => void) => void;
}

export const graceSeconds = 1;

/** Takes over a channel on which a command has just been started; `fail` is for a lost connection. */
export function createRemoteCommand(
  channel: ClientChannel,
  { onOutput = () => {}, marker, user, startTimeoutMs, onNeverBegan, kill }: RemoteCommandOptions,
): { readonly command: RemoteCommand; fail(error: AppError): void } {
  let fail: (error: AppError) => void = () => {};
  let pid: number | undefined;
  let stderr = '';
  let graceTimer: NodeJS.Timeout | undefined;
  const signal = (name: 'TERM' | 'KILL') => {
    try {
      channel.signal(name);
    } catch {
      // The connection has gone, and the channel with it.
    }
  };
  const killGroup = (group: number) => kill(group, () => signal('TERM'));
  const filter = createPreambleFilter({
    marker,
    onOutput,
    onBegin: (group) => {
      clearStart();
      pid = group;
      // It was to be stopped before it began.
      if (graceTimer !== undefined) killGroup(group);
    },
  });
  channel.on('data', (chunk: Buffer) => filter.add(chunk));
  // The command's own comes on stdout too: this is what start-up files print, or what runs in its place.
  channel.stderr.on('data', (chunk: Buffer) => {
    stderr = `${stderr}${chunk}`.slice(0, stderrLimit);
  });
  const startTimer = setTimeout(() => {
    onNeverBegan(true);
    fail(toShellTimeoutError(user, startTimeoutMs));
  }, startTimeoutMs);
  const exit = new Promise<number>((resolve, reject) => {
    fail = reject;
    channel.once('close', (...how: ChannelExit) => {
      const exitCode = toExitCode(how);
      if (exitCode === undefined) reject(toAppError('OUTCOME_UNKNOWN'));
      else if (filter.begun) resolve(exitCode);
      else {
        if (graceTimer === undefined) onNeverBegan(false);
        reject(toShellError({ user, exitCode, said: `${filter.said}\n${stderr}` }));
      }
    });
  });
  const clearStart = () => clearTimeout(startTimer);
  // Callers that wait for the exit get its rejection; nobody has to wait.
  exit.then(clearStart, clearStart);
  channel.once('close', () => clearTimeout(graceTimer));
  // No input: what would wait for some in the command's place ends at once.
  channel.end();

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
        else killGroup(pid);
      },
    },
  };
}

const stderrLimit = 4_096;
