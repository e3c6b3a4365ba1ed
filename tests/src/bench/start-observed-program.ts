// Starts a program so that it can be observed while it runs: what it holds, or where its time goes.

import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../support/until.ts';

export interface Observer extends AsyncDisposable {
  /** What the observed program's environment is to have. */
  readonly env: Readonly<Record<string, string>>;
  /** The next observation of the process: for `cpu` the first one begins, and the second one gives the profile. */
  take<T>(pid: number): Promise<T>;
}

/** The same file from the sources and from what they are compiled to. */
const preload = new URL('./observer-preload.mjs', import.meta.url);

export async function createObserver(what: 'cpu' | 'memory'): Promise<Observer> {
  const folder = await mkdtemp(join(tmpdir(), 'ondemand-observed-'));
  const counts = new Map<number, number>();
  return {
    env: { NODE_OPTIONS: `--import ${preload}`, OBSERVED: what, OBSERVED_FOLDER: folder },
    async take<T>(pid: number): Promise<T> {
      const count = counts.get(pid) ?? 0;
      counts.set(pid, count + 1);
      const file = join(folder, `${pid}-${count}.json`);
      process.kill(pid, 'SIGUSR2');
      await until('the process to leave what was asked for', () => existsSync(file), {
        timeoutMs: 60_000,
      });
      return JSON.parse(await readFile(file, 'utf8')) as T; // by `observed.mjs`
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  };
}
