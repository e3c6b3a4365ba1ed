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
  const archive = join(folder, 'base-image.tar');
  await runOk(['tar', '--create', '--file', archive, '--directory', root, '.']);
  await engine.docker('import', '--change', 'CMD ["sh"]', archive, baseImage);
  await Promise.all([root, archive].map((path) => rm(path, { recursive: true })));
}
