// How much CPU time processes took: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html

import { readFile } from 'node:fs/promises';

/** User and system, to the hundredth of a second. */
export async function readCpuMs(pid: number): Promise<number> {
  const [user = 0, system = 0] = await readTicks(pid);
  return (user + system) * tickMs;
}

/** Of all children of this process that have ended, and of theirs. */
export async function readEndedChildrenCpuMs(): Promise<number> {
  const [, , user = 0, system = 0] = await readTicks(process.pid);
  return (user + system) * tickMs;
}

const tickMs = 10;

async function readTicks(pid: number): Promise<readonly number[]> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' '); // the name may hold anything
  return fields.slice(11, 15).map(Number);
}
