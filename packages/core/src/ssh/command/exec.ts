// The `Shell` port over SSH: a command's argument vector in, its exit code and the tail of its output back.

import type { CommandOptions, Shell } from '../../adapter-ports.ts';
import { withDeadline } from '../../concurrency/deadline.ts';
import type { SshConnection } from '../connection/connection.ts';
import { asRepeatable, toAppError } from '../to-app-error.ts';
import type { CommandOutput, RemoteCommand } from './running-command.ts';

/** What `output` holds at most; the beginning is what goes. */
export const outputTailBytes = 64 * 1024;

const longestTimerMs = 2 ** 31 - 1;

/**
 * Runs commands on the VM; the VM's login shell is taken to be a POSIX one.
 * `exitCode` is 128 + n after signal n. At `timeoutMs` and at the caller's abort the call fails at once, with `SERVICE_UNAVAILABLE` or the signal's reason, and the command with its children gets a TERM and a second later a KILL.
 */
export function createShell(connection: Pick<SshConnection, 'exec'>): Shell {
  return {
    async run(argv, options = {}) {
      const tail = createTail(outputTailBytes);
      const exitCode = await runToEnd(connection, argv, { ...options, onOutput: tail.add });
      return { exitCode, output: tail.toString() };
    },
  };
}

export interface CaptureOptions extends CommandOptions {
  readonly timeoutMs: number;
  /** The output's end is dropped past this. */
  readonly maxBytes: number;
}

export interface CapturedCommand {
  readonly exitCode: number;
  /** The beginning of stdout and stderr, byte for byte. */
  readonly output: Buffer;
}

/** Runs a command as `createShell` does, for an output that is read by a program: its bytes as they are, from the first on. */
export type Capture = (
  argv: readonly string[],
  options: CaptureOptions,
) => Promise<CapturedCommand>;

export function createCapture(connection: Pick<SshConnection, 'exec'>): Capture {
  return async (argv, { maxBytes, ...options }) => {
    const chunks: Buffer[] = [];
    let room = maxBytes;
    const onOutput = (chunk: Buffer) => {
      if (room > 0) chunks.push(chunk.subarray(0, room));
      room -= chunk.length;
    };
    const exitCode = await runToEnd(connection, argv, { ...options, onOutput });
    return { exitCode, output: Buffer.concat(chunks) };
  };
}

async function runToEnd(
  connection: Pick<SshConnection, 'exec'>,
  argv: readonly string[],
  {
    env = {},
    timeoutMs = longestTimerMs,
    signal,
    isRead,
    onOutput,
  }: CommandOptions & CommandOutput,
): Promise<number> {
  let command: RemoteCommand | undefined;
  try {
    return await withDeadline(
      async (inner) => {
        command = await connection.exec(argv, { env, signal: inner, isRead, onOutput });
        // It may have started in the very moment that the caller left.
        if (inner.aborted) command.stop();
        return command.exit;
      },
      { timeoutMs, signal, onTimeout: () => toAppError('COMMAND_TIMEOUT') },
    );
  } catch (error) {
    command?.stop();
    throw isRead ? asRepeatable(error) : error;
  }
}

/** Keeps the last `maxBytes` of what is added. */
function createTail(maxBytes: number) {
  let chunks: Buffer[] = [];
  let size = 0;
  let cut = false;

  const compact = () => {
    const all = Buffer.concat(chunks);
    cut ||= all.length > maxBytes;
    chunks = [all.subarray(Math.max(0, all.length - maxBytes))];
    size = Math.min(all.length, maxBytes);
  };

  return {
    add(chunk: Buffer) {
      chunks.push(chunk);
      size += chunk.length;
      if (size > 2 * maxBytes) compact();
    },
    toString() {
      compact();
      const [bytes = Buffer.alloc(0)] = chunks;
      let start = 0;
      // A character that the cut went through is left out whole.
      while (cut && start < 3 && ((bytes[start] ?? 0) & 0xc0) === 0x80) start += 1;
      return bytes.subarray(start).toString('utf8');
    },
  };
}
