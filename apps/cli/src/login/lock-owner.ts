// The owner of a lock, read from the lock file, so that the lock of a dead process is recognised at once.

import { randomUUID } from 'node:crypto';
import { readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

export interface LockOwner {
  /** One acquisition, as a process may hold several locks one after the other. */
  readonly id: string;
  readonly pid: number;
  readonly host: string;
  /** Where process ids count; undefined where the system does not say. */
  readonly pidNamespace: string | undefined;
}

export function createLockOwner(): LockOwner {
  return { id: randomUUID(), pid: process.pid, host: hostname(), pidNamespace: readPidNamespace() };
}

/** Undefined for a text that is no owner, such as that of a file which is not written yet. */
export function parseLockOwner(text: string): LockOwner | undefined {
  try {
    const { id, pid, host, pidNamespace } = JSON.parse(text);
    if (typeof id !== 'string' || !Number.isSafeInteger(pid) || pid <= 0) return undefined;
    return typeof host === 'string' ? { id, pid, host, pidNamespace } : undefined;
  } catch {
    return undefined;
  }
}

/** Certain only for a process whose id means the same here. */
export function isDead({ pid, host, pidNamespace }: LockOwner): boolean {
  if (host !== hostname() || pidNamespace !== readPidNamespace()) return false;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ESRCH';
  }
}

function readPidNamespace(): string | undefined {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return undefined;
  }
}
