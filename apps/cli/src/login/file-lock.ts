// Lets one process at a time do something, by a file that only one of them can create.

import { randomUUID } from 'node:crypto';
import { open, readFile, rm, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { startDeadline } from '../deadline.ts';

export interface LockOptions {
  readonly path: string;
  /** Ends the wait and the work. */
  readonly signal: AbortSignal;
  /** How long the work may take; its signal aborts then. */
  readonly workMs?: number;
  /** The age at which a lock is one that a process which died left behind; above `workMs`. */
  readonly staleMs?: number;
  readonly waitMs?: number;
}

export interface Held {
  /** Aborted when the work must end. */
  readonly signal: AbortSignal;
  /** Rejects when the lock was lost, as it is to a process that slept for longer than `staleMs`. */
  confirm(): Promise<void>;
}

/** The lock was not to be had in time. */
export class LockTimeout extends Error {
  override readonly name = 'LockTimeout';
}

/** Rejects with `LockTimeout`, as `node:fs` does when the folder cannot be written, or with what `work` throws. */
export async function withFileLock<T>(
  { path, signal, workMs = 15_000, staleMs = 20_000, waitMs = 30_000 }: LockOptions,
  work: (held: Held) => Promise<T>,
): Promise<T> {
  const mark = randomUUID();
  const giveUpAt = performance.now() + waitMs;
  while (!(await create(path, mark))) {
    if (performance.now() >= giveUpAt) throw new LockTimeout(`No lock within ${waitMs} ms`);
    const isGone = (await isStale(path, staleMs)) && (await takeAway(path, staleMs));
    if (!isGone) await sleep(pauseMs, undefined, { signal });
  }
  const isOurs = async () => (await readMark(path)) === mark;
  using deadline = startDeadline(workMs, signal);
  try {
    return await work({
      signal: deadline.signal,
      async confirm() {
        if (!(await isOurs())) throw new LockTimeout('The lock was lost');
      },
    });
  } finally {
    if (await isOurs()) await rm(path, { force: true });
  }
}

const pauseMs = 50;

async function create(path: string, mark: string): Promise<boolean> {
  try {
    const file = await open(path, 'wx', 0o600);
    try {
      await file.writeFile(mark);
    } finally {
      await file.close();
    }
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** False while another process is at it: only one may, so that none takes away the lock that has just replaced a stale one. */
async function takeAway(path: string, staleMs: number): Promise<boolean> {
  const guard = `${path}.takeover`;
  if (!(await create(guard, ''))) {
    if (await isStale(guard, staleMs)) await rm(guard, { force: true });
    return false;
  }
  try {
    if (await isStale(path, staleMs)) await rm(path, { force: true });
    return true;
  } finally {
    await rm(guard, { force: true });
  }
}

/** A clock that was set back must not keep a lock for ever, so the future is stale too. */
async function isStale(path: string, staleMs: number): Promise<boolean> {
  try {
    const { mtimeMs } = await stat(path);
    return Math.abs(Date.now() - mtimeMs) > staleMs;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
}

async function readMark(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
