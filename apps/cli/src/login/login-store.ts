// The logins of this user, shared by all processes of the CLI.

import { userInfo } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { CliError } from '../cli-error.ts';
import { exitCodes } from '../exit-codes.ts';
import { toPrintable } from '../output/printable.ts';
import { createUnfinishedWork, type UnfinishedWork } from '../wait/finish-before-exit.ts';
import type { Held } from './file-lock.ts';
import type { LockOwner } from './lock-owner.ts';
import { noLogins, parseLogins, type StoredLogins, serializeLogins } from './login-file-format.ts';

export interface LoginStore {
  /** Throws `CliError` for a file that cannot be read, or is not ours. */
  read(): Promise<StoredLogins>;
  /** Nobody else changes the logins meanwhile. `signal` ends the wait for that at once, and the work after a few seconds. Throws `CliError` as `read` does, when the folder cannot be written or another process takes too long. */
  change<T>(signal: AbortSignal, work: (change: Change) => Promise<T>): Promise<T>;
}

export interface Change extends Pick<Held, 'signal'> {
  /** As they are now, after the previous holder of the lock. */
  readonly stored: StoredLogins;
  save(logins: StoredLogins): Promise<void>;
}

export interface LoginStoreOptions {
  /** Asked when the logins are used first; throws `CliError` where there is no such folder. */
  readonly folder: () => string;
  /** Told what the user should know but need not stop for. */
  readonly warn: (text: string) => void;
  /** Told of each change under way, so that the process does not end in the middle of it. */
  readonly unfinished?: Pick<UnfinishedWork, 'add'>;
}

/** Touches nothing before it is used. */
export function createLoginStore({
  folder,
  warn,
  unfinished = createUnfinishedWork(),
}: LoginStoreOptions): LoginStore {
  const toPath = () => join(folder(), 'logins.json');

  async function load(path: string): Promise<StoredLogins | undefined> {
    const { readPrivateFile } = await import('./private-file.ts'); // late, as is the lock: most commands need neither
    const found = await readPrivateFile(path);
    if (found?.wasOpen === true) {
      warn(
        `Others could read the tokens in ${path}; now only you can: if somebody did, run ondemand logout and log in again`,
      );
    }
    return found === undefined ? noLogins : parseLogins(found.text);
  }

  /** What makes no sense is never taken for no logins: saving over it would lose them all. */
  async function read(): Promise<StoredLogins> {
    const path = toPath();
    const stored = await load(path).catch((error: unknown) => {
      throw unusable(`${path} cannot be read`, error);
    });
    if (stored !== undefined) return stored;
    throw unusable(`${path} is not as ondemand writes it`, undefined);
  }

  async function change<T>(signal: AbortSignal, work: (change: Change) => Promise<T>): Promise<T> {
    const { LockTimeout, withFileLock } = await import('./file-lock.ts');
    const { makePrivateFolder, writePrivateFile } = await import('./private-file.ts');
    const path = toPath();
    try {
      await makePrivateFolder(path);
      const onWait = (owner: LockOwner | undefined) => warn(`Waiting for ${toHolder(owner)}`);
      return await withFileLock({ path: `${path}.lock`, signal, onWait }, async (held) =>
        work({
          signal: held.signal,
          stored: await read(),
          async save(logins) {
            await held.confirm();
            await writePrivateFile(path, serializeLogins(logins));
          },
        }),
      );
    } catch (error) {
      if (error instanceof LockTimeout) {
        throw new CliError(
          exitCodes.unavailable,
          `Gave up on ${toHolder(error.owner)}; try again`,
          {
            cause: error,
          },
        );
      }
      if (isFileError(error)) throw unusable(`${folder()} cannot be written`, error);
      throw error;
    }
  }

  return { read, change: (signal, work) => unfinished.add(change(signal, work)) };
}

function toHolder(owner: LockOwner | undefined): string {
  const who = owner === undefined ? '' : ` (process ${owner.pid} on ${toPrintable(owner.host)})`;
  return `another ondemand${who}, which changes the stored logins or renews one`;
}

function unusable(what: string, cause: unknown): CliError {
  const reason = isFileError(cause) ? ` (${cause.code})` : '';
  return new CliError(
    exitCodes.failed,
    `${what}${reason}; make it yours, or remove it and run ondemand login, or set ONDEMAND_URL and ONDEMAND_TOKEN`,
    { cause },
  );
}

function isFileError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error;
}

export interface FolderEnvironment {
  readonly XDG_CONFIG_HOME?: string | undefined;
  readonly HOME?: string | undefined;
}

/** Where the logins are kept; a relative path counts as none: https://specifications.freedesktop.org/basedir-spec/latest/. Throws `CliError` for a user without a home. */
export function toConfigFolder(
  env: FolderEnvironment,
  readUser?: Parameters<typeof findHome>[1],
): string {
  const { XDG_CONFIG_HOME: xdg } = env;
  if (xdg && isAbsolute(xdg)) return join(xdg, 'ondemand');
  const home = findHome(env, readUser);
  if (home !== undefined) return join(home, '.config', 'ondemand');
  throw new CliError(
    exitCodes.failed,
    'There is no folder to keep logins and host keys in, as this user has no home; set HOME to an absolute path, or call the API with ONDEMAND_URL and ONDEMAND_TOKEN alone',
  );
}

/** `HOME`, else what the system's list of users says, as docker takes it; undefined where neither is an absolute path. */
export function findHome(
  { HOME: home }: Pick<FolderEnvironment, 'HOME'>,
  readUser: () => { readonly homedir: string } = userInfo,
): string | undefined {
  if (home && isAbsolute(home)) return home;
  try {
    const { homedir } = readUser();
    return isAbsolute(homedir) ? homedir : undefined;
  } catch {
    return undefined; // a container may run as a user of no name
  }
}
