// Another command in the place of this one: its streams, its signals, its exit code.

import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { access, constants, stat } from 'node:fs/promises';
import os from 'node:os';
import { delimiter, join } from 'node:path';
import { isatty } from 'node:tty';
import type { Environment } from '../api-target.ts';
import { usageError } from '../cli-error.ts';
import type { Context } from '../command-context.ts';
import type { Output } from '../output/output.ts';

/** What a shell says of a command that it cannot run. */
export const commandExits = { notExecutable: 126, notFound: 127 } as const;

/** Looks a command up as a shell does, before anything is done for it. */
export async function findCommand(
  name: string,
  env: Environment,
): Promise<'found' | keyof typeof commandExits> {
  if (process.platform === 'win32') return 'found'; // there its extension decides
  const folders = (env.PATH || '/usr/local/bin:/usr/bin:/bin').split(delimiter);
  const paths = name.includes('/') ? [name] : folders.map((folder) => join(folder || '.', name));
  let found: 'notFound' | 'notExecutable' = 'notFound';
  for (const path of paths) {
    const isFile = await stat(path).then(
      (status) => status.isFile() || name.includes('/'),
      () => false,
    );
    if (!isFile || name === '') continue;
    if (await isExecutable(path)) return 'found';
    found = 'notExecutable';
  }
  return found;
}

async function isExecutable(path: string): Promise<boolean> {
  if (!(await stat(path)).isFile()) return false;
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/** Throws a usage error where the command is longer than the system takes; what else prevents it, `endOf` rejects with. */
export function start([command, ...args]: readonly [string, ...string[]], options: SpawnOptions) {
  try {
    return spawn(command, args, options);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'E2BIG') throw error;
    throw usageError(
      'The command is longer than this system takes; send what is long through standard input',
    );
  }
}

/**
 * Its exit code once it has ended, 128 + n where signal n ended it. Until then what would end this process goes to it:
 * but for Ctrl-C and Ctrl-\ in a terminal, which sends them to both. Rejects as `node:child_process` does when it cannot start.
 */
export async function endOf(
  child: ChildProcess,
  { passSignals }: Pick<Context, 'passSignals'>,
): Promise<number> {
  const isInTerminal = [0, 1, 2].some((fd) => isatty(fd));
  using _passing = passSignals((signal) => {
    if (isInTerminal && (signal === 'SIGINT' || signal === 'SIGQUIT')) return;
    child.kill(signal);
  });
  return await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      resolve(code ?? 128 + (signal === null ? 0 : os.constants.signals[signal]));
    });
  });
}

/** The same for ssh, which ends with 255 where it was stopped by a signal too, or with 0 where it only forwards. */
export async function endOfSsh(
  child: ChildProcess,
  { passSignals }: Pick<Context, 'passSignals'>,
): Promise<number> {
  let stoppedBy: NodeJS.Signals | undefined;
  const exitCode = await endOf(child, {
    passSignals: (receive) =>
      passSignals((signal) => {
        stoppedBy ??= signal;
        receive(signal);
      }),
  });
  if (stoppedBy === undefined || (exitCode !== sshFailed && exitCode !== 0)) return exitCode;
  return 128 + os.constants.signals[stoppedBy];
}

/** What ssh ends with where it is ssh itself that failed. */
export const sshFailed = 255;

/** Passes its stderr on as it comes; what came last can be read. */
export function passErrors(
  { stderr }: Pick<ChildProcess, 'stderr'>,
  output: Pick<Output, 'tell'>,
): () => string {
  let last = '';
  stderr?.setEncoding('utf8').on('data', (text: string) => {
    output.tell(text);
    last = (last + text).slice(-maxErrorLength);
  });
  return () => last;
}

const maxErrorLength = 4096;
