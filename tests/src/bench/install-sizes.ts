// What installing each package takes: all that `pnpm deploy --prod` puts into a folder.

import { lstat, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runOk } from '../support/run.ts';
import { atMost, type Row, type Section, toMb, toText } from './report.ts';

const limitsMb = { server: 80, cli: 5, client: 5 };
const root = fileURLToPath(new URL('../../..', import.meta.url));

export async function measureSizes(): Promise<Section> {
  const folder = await mkdtemp(join(tmpdir(), 'ondemand-bench-'));
  try {
    const rows: Row[] = [];
    for (const [name, limitMb] of Object.entries(limitsMb)) {
      const target = join(folder, name);
      await deploy(name, target);
      const { bytes, files } = await measureFolder(target);
      rows.push({
        what: `@ondemand/${name}`,
        measured: `${toMb(bytes)} in ${toText(files)} files`,
        target: atMost(limitMb, bytes / 1e6, ' MB'),
      });
    }
    return {
      title: 'Installed',
      about:
        'The sizes of all files that `pnpm deploy --prod` leaves, dependencies included; a disk that gives each file whole blocks of 4 kB uses more.',
      rows,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** From the packages that are here already. */
async function deploy(name: string, target: string): Promise<void> {
  const { npm_execpath: pnpm = '' } = process.env;
  const command = /pnpm/.test(pnpm)
    ? [process.execPath, pnpm]
    : ['npx', '--yes', '--offline', 'pnpm@10'];
  const options = ['--prod', '--offline', '--ignore-scripts'];
  const injected = '--config.inject-workspace-packages=true'; // what this way of deploying asks for
  await runOk(
    [...command, '--filter', `@ondemand/${name}`, 'deploy', ...options, injected, target],
    { cwd: root },
  );
}

/** A file with several names counts once. */
async function measureFolder(folder: string): Promise<{ bytes: number; files: number }> {
  const seen = new Map<number, number>();
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const { ino, size } = await lstat(join(entry.parentPath, entry.name));
    seen.set(ino, size);
  }
  const bytes = [...seen.values()].reduce((sum, size) => sum + size, 0);
  return { bytes, files: seen.size };
}
