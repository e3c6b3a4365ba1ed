// The server as one file, by the command that the documents name.

import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runOk } from './run.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** Packs it as it was built last, into the folder, which is empty; resolves with the file's path. */
export async function packServer(folder: string): Promise<string> {
  const { npm_execpath: path } = process.env;
  const pnpm = path?.includes('pnpm') ? [process.execPath, path] : ['npx', '--yes', 'pnpm@10'];
  const pack = ['--filter', '@ondemand/server', 'pack', '--pack-destination', folder];
  await runOk([...pnpm, ...pack], { cwd: root });
  const [name = ''] = await readdir(folder);
  return join(folder, name);
}
