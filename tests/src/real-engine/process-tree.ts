// Who is whose child on this host, read from /proc.

import { readdir, readFile } from 'node:fs/promises';

/** Children of `pid`. */
export async function listChildren(pid: number): Promise<readonly number[]> {
  return (await readParents()).filter(([, of]) => of === pid).map(([child]) => child);
}

/** Children, their children and so on; without those that left the family, as a daemon does. */
export async function listDescendants(pid: number): Promise<readonly number[]> {
  const parents = await readParents();
  const found: number[] = [];
  const visit = (parent: number): void => {
    for (const [child, of] of parents) {
      if (of !== parent) continue;
      found.push(child);
      visit(child);
    }
  };
  visit(pid);
  return found;
}

/** Every process of this host with its parent. */
async function readParents(): Promise<readonly (readonly [pid: number, parent: number])[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const rows = await Promise.all(
    pids.map(async (pid) => {
      const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
      // `pid (name) state parent …`; the name may hold blanks and brackets.
      const parent = status.slice(status.lastIndexOf(')') + 2).split(' ')[1];
      return [Number(pid), Number(parent ?? -1)] as const;
    }),
  );
  return rows;
}

/** Signals one process; that it is gone already is no failure. */
export function signalPid(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    // Gone meanwhile is what a killer wants.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
