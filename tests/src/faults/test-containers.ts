// The containers that the faults are tried on, the same on a real VM and in the sandbox.

import type { Sandbox } from '@ondemand/sandbox';
import { baseImage } from '../real-engine/base-image.ts';
import type { RealVm } from '../real-engine/start-real-vm.ts';
import { until } from '../support/until.ts';

export const containers = {
  /** Stops at once. */
  app: 'app',
  /** Takes three seconds to stop; says `waiting` once it can be asked to, and `stopping` when it begins to. */
  slow: 'slow',
  /** Wrote `noisyLines` lines of a kilobyte. */
  noisy: 'noisy',
  /** Its compose folder is gone: a rebuild is refused with 409, once a command on the VM has found that out. */
  orphan: 'orphan',
} as const;

export const noisyLines = 4_000;
const line = '0123456789'.repeat(100);
const slowProgram = "trap 'echo stopping; sleep 3; exit 0' TERM; echo waiting; sleep 100000 & wait";
const labels = {
  'com.docker.compose.project': 'lost',
  'com.docker.compose.service': 'web',
  'com.docker.compose.project.working_dir': '/srv/lost',
  'com.docker.compose.project.config_files': '/srv/lost/compose.yml',
};

export async function addContainers(vm: RealVm): Promise<void> {
  const { app, slow, noisy, orphan } = containers;
  const run = (name: string, options: readonly string[], ...command: readonly string[]) =>
    // The VM's network: to set up one of its own takes longer than the rest of a start.
    vm.docker(
      ...['run', '--detach', '--network', 'host', '--name', name],
      ...[...options, baseImage, ...command],
    );
  const sleep = ['sleep', '100000'];
  await Promise.all([
    run(app, ['--init'], ...sleep),
    run(slow, [], 'sh', '-c', slowProgram),
    run(noisy, ['--init'], 'sh', '-c', `yes ${line} | head -n ${noisyLines}; exec sleep 100000`),
    run(
      orphan,
      ['--init', ...Object.entries(labels).map((pair) => `--label=${pair.join('=')}`)],
      ...sleep,
    ),
  ]);
  await until('the noise', async () => {
    const written = (await vm.readLog(noisy)).split(line).length - 1;
    return written === noisyLines;
  });
}

/** Beside what the sandbox has anyway. */
export function addSandboxContainers({ vm: { engine } }: Sandbox): void {
  const { app, slow, noisy, orphan } = containers;
  engine.add({ name: app });
  engine.add({ name: slow, behaviour: { stopTakesMs: 1_500 } });
  engine.add({ name: noisy });
  engine.add({ name: orphan, labels });
  for (let count = 0; count < noisyLines; count += 1) {
    engine.appendLog(noisy, 'stdout', `${line}\n`);
  }
}
