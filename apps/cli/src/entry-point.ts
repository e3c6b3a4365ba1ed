// Where the process begins: `--version` is answered here, all else is loaded for what needs it.

import { existsSync, lstatSync, mkdirSync, writeSync } from 'node:fs';
import * as nodeModule from 'node:module';
import { dirname } from 'node:path';
import { version } from './version.ts';

const [, , ...argv] = process.argv;
const isAnswered = argv.length === 1 && argv[0] === '--version' && sayVersion();
if (!isAnswered) {
  keepCompiled();
  void import('./main.ts').then(({ main }) => main());
}

/** False when it cannot be written at once: `main` waits, or says why. */
function sayVersion(): boolean {
  try {
    writeSync(1, `ondemand ${version}\n`);
    return true;
  } catch {
    return false;
  }
}

/** Node 22.8 and newer keep compiled code between runs; in a folder of this user, as what others may write there would be run. */
function keepCompiled(): void {
  const { enableCompileCache } = nodeModule as { enableCompileCache?: (folder: string) => unknown }; // Node 20 has none
  const { XDG_CACHE_HOME: cache, HOME: home } = process.env;
  const parent = cache?.startsWith('/') ? cache : home?.startsWith('/') && `${home}/.cache`;
  // Not where a home is missing: a service's may be on purpose.
  if (!enableCompileCache || !parent || !existsSync(dirname(parent))) return;
  const folder = `${parent}/ondemand`;
  if (isOwn(folder)) enableCompileCache(folder);
}

/** Made if need be; false for a folder of another user, or that others may write. */
function isOwn(folder: string): boolean {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const found = lstatSync(folder);
    return found.isDirectory() && found.uid === process.getuid?.() && (found.mode & 0o022) === 0;
  } catch {
    return false;
  }
}
