// What a big log costs the API's process in memory.

import { baseImage } from '../real-engine/base-image.ts';
import type { RealVm } from '../real-engine/start-real-vm.ts';
import { createRestClient } from '../support/http-client.ts';
import { forgetPeak, readPeakBytes } from '../support/memory.ts';
import { until } from '../support/until.ts';
import { startBenchApp } from './server-env.ts';

export interface LogMemory {
  readonly reads: number;
  readonly bytes: number;
  /** Resident, before the reads and at the highest during them. */
  readonly beforeBytes: number;
  readonly peakBytes: number;
}

const name = 'import-job';
const lineBytes = 1024;
const logLines = 100_000;
const reads = 10;

/** Reads 100 MB out of a log of 100 MB, ten thousand lines of a kilobyte at a time. */
export async function measureLogMemory(vm: RealVm): Promise<LogMemory> {
  await writeLog(vm);
  await using app = await startBenchApp(vm);
  using rest = createRestClient(app.url, app.tokens.read);
  for (let call = 0; call < 200; call += 1) {
    await rest.get('/containers');
    await rest.get(`/containers/${name}/logs?lines=100`);
  }

  await forgetPeak(app.server.pid);
  const beforeBytes = await readPeakBytes(app.server.pid);
  let bytes = 0;
  for (let read = 0; read < reads; read += 1) {
    bytes += (await rest.get(`/containers/${name}/logs?lines=10000`)).length;
  }
  const peakBytes = await readPeakBytes(app.server.pid);
  await vm.docker('rm', '--force', name);
  return { reads, bytes, beforeBytes, peakBytes };
}

/** Resolves once all of it is in the engine's log. */
async function writeLog(vm: RealVm): Promise<void> {
  const line = 'x'.repeat(lineBytes - 1);
  const script = `yes ${line} | head -n ${logLines}; echo done; exec sleep 100000`;
  await vm.docker('run', '--detach', '--init', '--name', name, baseImage, 'sh', '-c', script);
  const isWritten = async (): Promise<boolean> =>
    (await vm.docker('logs', '--tail', '1', name)) === 'done\n';
  await until('the log to be written', isWritten, { timeoutMs: 60_000, intervalMs: 200 });
}
