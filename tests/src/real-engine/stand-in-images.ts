// What stands for images of a registry where none is within reach: this machine's programs and the libraries they are linked with, on busybox.

import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { runOk } from '../support/run.ts';
import { importRoot, writeBusyboxRoot } from './base-image.ts';
import type { PrivateEngine } from './private-engine.ts';

export const nodeImage = 'ondemand-node:1';

/** For Node's own. Its `npx` stands for npm and what npm fetches: any build succeeds, and to pack is to copy `packed`. */
export async function importNodeImage(
  { engine, folder }: PrivateEngine,
  packed: string,
): Promise<void> {
  const root = join(folder, 'node-image');
  await writeBusyboxRoot(root);
  await addProgram(root, process.execPath, '/usr/local/bin/node');
  await add(root, packed, '/packed/ondemand-server-1.0.0.tgz');
  const npx = `#!/bin/sh
for last; do :; done
case "$*" in *' pack '*) cp /packed/*.tgz "$last" ;; esac
`;
  await writeFile(join(root, 'usr/local/bin/npx'), npx, { mode: 0o755 });
  await importRoot(engine, { root, image: nodeImage });
}

/** For nginx's own: it reads the files of `/etc/nginx/conf.d`. */
export async function importNginxImage({ engine, folder }: PrivateEngine, image: string) {
  const root = join(folder, 'nginx-image');
  await writeBusyboxRoot(root);
  await addProgram(root, '/usr/sbin/nginx', '/bin/nginx');
  const configuration = 'user root; daemon off; events {} http { include conf.d/*.conf; }';
  for (const path of ['etc/nginx/conf.d', 'var/log/nginx', 'var/lib/nginx', 'run'])
    await mkdir(join(root, path), { recursive: true });
  await writeFile(join(root, 'etc/nginx/nginx.conf'), configuration);
  await writeFile(join(root, 'etc/group'), 'root:x:0:\n');
  await importRoot(engine, {
    root,
    image,
    command: ['nginx', '-e', 'stderr', '-c', '/etc/nginx/nginx.conf'],
  });
}

async function addProgram(root: string, source: string, path: string): Promise<void> {
  await add(root, source, path);
  for (const library of (await runOk(['ldd', source])).match(/\/\S+/g) ?? [])
    await add(root, library, library);
}

async function add(root: string, source: string, path: string): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await copyFile(source, join(root, path));
}
