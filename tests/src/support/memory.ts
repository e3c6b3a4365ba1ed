// How much memory a process really had: https://man7.org/linux/man-pages/man5/proc_pid_status.5.html

import { readFile, writeFile } from 'node:fs/promises';

/** The peak is the present size from now on: https://man7.org/linux/man-pages/man5/proc_pid_clear_refs.5.html */
export async function forgetPeak(pid: number): Promise<void> {
  await writeFile(`/proc/${pid}/clear_refs`, '5');
}

/** Resident, at the highest since it began or since `forgetPeak`. */
export function readPeakBytes(pid: number): Promise<number> {
  return readBytes(pid, 'VmHWM');
}

/** Resident now. */
export function readResidentBytes(pid: number): Promise<number> {
  return readBytes(pid, 'VmRSS');
}

async function readBytes(pid: number, field: string): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const kibibytes = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1];
  if (kibibytes === undefined) throw new Error(`${field} of process ${pid} is not known`);
  return Number(kibibytes) * 1024;
}
