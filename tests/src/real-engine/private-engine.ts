// A dockerd without a VM around it: what an operator's own machine has.

import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { openAll } from '../support/disposer.ts';
import { type EngineOptions, type RealEngine, startEngine } from './engine.ts';
import { startMachine } from './machine-in-namespaces.ts';

export interface PrivateEngine extends AsyncDisposable {
  readonly engine: RealEngine;
  /** Its own, which others may enter. */
  readonly folder: string;
}

/** Disposing leaves nothing behind. */
export function startPrivateEngine(
  network: NonNullable<EngineOptions['network']>,
): Promise<PrivateEngine> {
  return openAll(async (opened) => {
    const folder = await mkdtemp(join(tmpdir(), 'ondemand-dockerd-'));
    opened.add(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
    await chmod(folder, 0o755);
    const temporaryFolder = join(folder, 'tmp');
    await mkdir(temporaryFolder);
    const cgroup = basename(folder);
    const machine = opened.use(
      await startMachine({ hostName: 'operator', setup: [], cgroup, temporaryFolder }),
    );
    const engine = await startEngine({ machine, folder, cgroup, temporaryFolder, network });
    return { engine, folder };
  });
}
