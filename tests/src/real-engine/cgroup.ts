// Docker leaves its control group behind when it is killed; a test must not.

import { readdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { until } from '../support/until.ts';

const root = '/sys/fs/cgroup';

/** Removes the group and those in it, once their processes are gone: version 2 has one tree, version 1 one for each controller. */
export async function removeCgroup(name: string): Promise<void> {
  const controllers = await readdir(root, { withFileTypes: true }).catch(() => []);
  const folders = controllers.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  for (const folder of ['', ...folders]) {
    const path = join(root, folder, name);
    await until(`the control group ${path} to empty`, async () => {
      await removeTree(path);
      return true;
    });
  }
}

/** Only folders can be removed in a control group's file system, the deepest first. */
async function removeTree(path: string): Promise<void> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => undefined);
  if (entries === undefined) return;
  for (const entry of entries) if (entry.isDirectory()) await removeTree(join(path, entry.name));
  await rmdir(path);
}
