// The logins of this user, shared by all processes of the CLI.

import { homedir } from 'node:os';
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
  readonly folder: string;
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
  const path = join(folder, 'logins.json');

  async function load(): Promise<StoredLogins | undefined> {
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
    const stored = await load().catch((error: unknown) => {
      throw unusable(`${path} cannot be read`, error);
    });
    if (stored !== undefined) return stored;
    throw unusable(`${path} is not as ondemand writes it`, undefined);
  }

  async function change<T>(signal: AbortSignal, work: (change: Change) => Promise<T>): Promise<T> {
    const { LockTimeout, withFileLock } = await import('./file-lock.ts');
    const { makePrivateFolder, writePrivateFile } = await import('./private-file.ts');
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
      if (isFileError(error)) throw unusable(`${folder} cannot be written`, error);
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

/** Where the logins are kept; a relative `XDG_CONFIG_HOME` counts as none: https://specifications.freedesktop.org/basedir-spec/latest/ */
export function toConfigFolder({ XDG_CONFIG_HOME: xdg, HOME: home }: FolderEnvironment): string {
  const base = xdg && isAbsolute(xdg) ? xdg : join(home || homedir(), '.config');
  return join(base, 'ondemand');
}
