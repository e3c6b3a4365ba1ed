// What stands for Node's own image where no registry is within reach: this machine's Node and the libraries it is linked with, on busybox.

import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { runOk } from '../support/run.ts';
import { importRoot, writeBusyboxRoot } from './base-image.ts';
import type { RealEngine } from './engine.ts';

export const nodeImage = 'ondemand-node:1';

/** Imports it. Its `npx` stands for npm and what npm fetches: any build succeeds, and to pack is to copy `packed`. */
export async function importNodeImage(
  engine: RealEngine,
  { folder, packed }: { readonly folder: string; readonly packed: string },
): Promise<void> {
  const root = join(folder, 'node-image');
  await writeBusyboxRoot(root);
  const add = async (source: string, path = source) => {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await copyFile(source, join(root, path));
  };
  await add(process.execPath, '/usr/local/bin/node');
  for (const path of (await runOk(['ldd', process.execPath])).match(/\/\S+/g) ?? [])
    await add(path);
  await add(packed, '/packed/ondemand-server-1.0.0.tgz');
  const npx = `#!/bin/sh
for last; do :; done
case "$*" in *' pack '*) cp /packed/*.tgz "$last" ;; esac
`;
  await writeFile(join(root, 'usr/local/bin/npx'), npx, { mode: 0o755 });
  await importRoot(engine, { root, image: nodeImage });
}
