// A lock between processes: a file that only one of them can create.

import { open, readFile, rm, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { startDeadline } from '../wait/deadline.ts';
import { createLockOwner, isDead, type LockOwner, parseLockOwner } from './lock-owner.ts';

export interface LockOptions {
  readonly path: string;
  /** Ends the wait at once, and the work after `graceMs`. */
  readonly signal: AbortSignal;
  /** How long the work may take; its signal aborts then. */
  readonly workMs?: number;
  /** How long the work may go on once `signal` has aborted. */
  readonly graceMs?: number;
  /** The age at which a lock counts as left behind, where its owner cannot be asked for; above `workMs`. */
  readonly staleMs?: number;
  readonly waitMs?: number;
  /** Called once when the wait has lasted for a second; undefined: the lock does not say who holds it. */
  readonly onWait?: (owner: LockOwner | undefined) => void;
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
  /** Who holds it, where the lock says so. */
  readonly owner: LockOwner | undefined;

  constructor(message: string, owner?: LockOwner) {
    super(message);
    this.owner = owner;
  }
}

/** Rejects with `LockTimeout`, as `node:fs` does when the folder cannot be written, or with what `work` throws. */
export async function withFileLock<T>(
  options: LockOptions,
  work: (held: Held) => Promise<T>,
): Promise<T> {
  const { path, signal, workMs = 25_000, graceMs = 5_000 } = options;
  const text = JSON.stringify(createLockOwner());
  await acquire(text, options);
  const isOurs = async () => (await readText(path)) === text;
  using grace = startGrace(graceMs, signal);
  using deadline = startDeadline(workMs, grace.signal);
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

const announceMs = 1_000;

async function acquire(
  text: string,
  { path, signal, staleMs = 30_000, waitMs = 40_000, onWait }: LockOptions,
): Promise<void> {
  const startedAt = performance.now();
  let isAnnounced = false;
  while (!(await create(path, text))) {
    const waitedMs = performance.now() - startedAt;
    if (waitedMs >= announceMs && !isAnnounced) {
      isAnnounced = true;
      onWait?.(await readOwner(path));
    }
    if (waitedMs >= waitMs) {
      throw new LockTimeout(`No lock within ${waitMs} ms`, await readOwner(path));
    }
    const isGone = (await isAbandoned(path, staleMs)) && (await takeAway(path, staleMs));
    if (!isGone) await sleep(pauseMs, undefined, { signal });
  }
}

/** A signal that follows `outer` after `graceMs`. */
function startGrace(graceMs: number, outer: AbortSignal) {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const begin = (): void => {
    timer = setTimeout(() => controller.abort(outer.reason), graceMs);
  };
  if (outer.aborted) begin();
  else outer.addEventListener('abort', begin, { once: true });
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      clearTimeout(timer);
      outer.removeEventListener('abort', begin);
    },
  };
}

const pauseMs = 50;

async function create(path: string, text: string): Promise<boolean> {
  try {
    const file = await open(path, 'wx', 0o600);
    try {
      await file.writeFile(text);
    } finally {
      await file.close();
    }
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** False while another process is at it: only one may, so that none takes away the lock that has just replaced an abandoned one. */
async function takeAway(path: string, staleMs: number): Promise<boolean> {
  const guard = `${path}.takeover`;
  if (!(await create(guard, JSON.stringify(createLockOwner())))) {
    if (await isAbandoned(guard, staleMs)) await rm(guard, { force: true });
    return false;
  }
  try {
    if (await isAbandoned(path, staleMs)) await rm(path, { force: true });
    return true;
  } finally {
    await rm(guard, { force: true });
  }
}

/** By its owner where that can be asked for, else by its age; a clock that was set back must not keep a lock for ever, so the future is stale too. */
async function isAbandoned(path: string, staleMs: number): Promise<boolean> {
  const owner = await readOwner(path);
  if (owner !== undefined && isDead(owner)) return true;
  try {
    const { mtimeMs } = await stat(path);
    return Math.abs(Date.now() - mtimeMs) > staleMs;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
}

async function readOwner(path: string): Promise<LockOwner | undefined> {
  return parseLockOwner((await readText(path)) ?? '');
}

async function readText(path: string): Promise<string | undefined> {
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
