// A file that only its owner may read, replaced whole or not at all.

import { chmod, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

export interface PrivateText {
  readonly text: string;
  /** Whether others could read it until now. */
  readonly wasOpen: boolean;
}

/** Takes away what others may do with the file; undefined when there is none. Rejects as `node:fs` does, also when it belongs to someone else. */
export async function readPrivateFile(path: string): Promise<PrivateText | undefined> {
  const file = await openToRead(path);
  if (file === undefined) return undefined;
  try {
    const { mode } = await file.stat();
    const wasOpen = process.platform !== 'win32' && (mode & 0o077) !== 0;
    if (wasOpen) await file.chmod(0o600);
    return { text: await file.readFile('utf8'), wasOpen };
  } finally {
    await file.close();
  }
}

/** A reader sees the old text or the new one, also after a crash. */
export async function writePrivateFile(path: string, text: string): Promise<void> {
  const { randomUUID } = await import('node:crypto'); // late, so that reading does not load it
  const fresh = `${path}.${randomUUID()}`;
  try {
    const file = await open(fresh, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(fresh, path);
  } catch (error) {
    await rm(fresh, { force: true });
    throw error;
  }
}

/** Makes the folder of `path`, for its owner alone, or takes away what others may do there. */
export async function makePrivateFolder(path: string): Promise<void> {
  const folder = dirname(path);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await chmod(folder, 0o700);
}

async function openToRead(path: string) {
  try {
    return await open(path, 'r');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}
