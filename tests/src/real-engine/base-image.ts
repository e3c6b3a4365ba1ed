// No registry is within reach: the image that everything is built on is a static busybox and links to it.

import { copyFile, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runOk } from '../support/run.ts';
import type { RealEngine } from './engine.ts';
import { requireTool } from './real-engine-problem.ts';

export const baseImage = 'ondemand-base:1';

/** Imports `baseImage` into the engine. */
export async function importBaseImage(engine: RealEngine, folder: string): Promise<void> {
  const root = join(folder, 'base-image');
  await writeBusyboxRoot(root);
  await importRoot(engine, { root, image: baseImage });
}

export async function writeBusyboxRoot(root: string): Promise<void> {
  const bin = join(root, 'bin');
  await mkdir(bin, { recursive: true });
  await Promise.all(['etc', 'tmp'].map((name) => mkdir(join(root, name))));
  await writeFile(join(root, 'etc/passwd'), 'root:x:0:0:root:/:/bin/sh\n');
  const busybox = requireTool('busybox');
  await copyFile(busybox, join(bin, 'busybox'));
  const applets = (await runOk([busybox, '--list'])).split('\n').filter(Boolean);
  await Promise.all(
    applets
      .filter((applet) => applet !== 'busybox')
      .map((applet) => symlink('busybox', join(bin, applet))),
  );
}

/** Makes an image of the folder, and removes it. */
export async function importRoot(
  engine: RealEngine,
  {
    root,
    image,
    command = ['sh'],
  }: { readonly root: string; readonly image: string; readonly command?: readonly string[] },
): Promise<void> {
  const archive = `${root}.tar`;
  await runOk(['tar', '--create', '--file', archive, '--directory', root, '.']);
  await engine.docker('import', '--change', `CMD ${JSON.stringify(command)}`, archive, image);
  await Promise.all([root, archive].map((path) => rm(path, { recursive: true })));
}
