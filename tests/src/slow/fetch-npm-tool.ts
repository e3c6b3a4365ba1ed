// Programs from npm that judge the API: big ones, so they are no dependencies but fetched once into a cache outside the project.

import { existsSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { run } from '../support/run.ts';

/** Everything of the tests that outlives a run. */
export const cacheFolder = join(
  process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'),
  'ondemand-tests',
);

export interface NpmTool {
  /** The argv of one of its bins, run by this Node. */
  command(bin: string): readonly string[];
  /** Where a program finds the packages. */
  readonly folder: string;
}

/** Installs the packages unless they are there; a text says why they are not to be had. */
export async function findNpmTool(
  packages: Readonly<Record<string, string>>,
): Promise<NpmTool | string> {
  const names = Object.entries(packages).map(([name, version]) => `${name}@${version}`);
  const folder = join(cacheFolder, 'npm', names.join('+').replaceAll('/', '-'));
  if (!existsSync(folder)) {
    const unfinished = `${folder}.new`;
    await rm(unfinished, { recursive: true, force: true });
    await mkdir(unfinished, { recursive: true });
    await writeFile(join(unfinished, 'package.json'), '{ "private": true }');
    const install = ['npm', 'install', '--no-audit', '--no-fund', '--ignore-scripts', ...names];
    const failure = await run(install, { cwd: unfinished, timeoutMs: 4 * 60_000 }).then(
      ({ exitCode, stderr }) =>
        exitCode === 0 ? undefined : (stderr.split('\n')[0] ?? `exit code ${exitCode}`),
      (error: Error) => error.message.split('\n')[0],
    );
    if (failure !== undefined) {
      await rm(unfinished, { recursive: true, force: true });
      return `npm could not fetch ${names.join(', ')}: ${failure}`;
    }
    await rename(unfinished, folder);
  }
  return {
    folder,
    command: (bin) => [process.execPath, join(folder, 'node_modules/.bin', bin)],
  };
}
