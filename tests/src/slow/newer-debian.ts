// A root of Debian's next release, as `.ci/make-trixie-root` makes it: with Docker 26, Compose 2, Podman 5 and OpenSSH 10.

import { fileURLToPath } from 'node:url';
import { realEngineProblem } from '../real-engine/real-engine-problem.ts';
import { run } from '../support/run.ts';

const script = fileURLToPath(new URL('../../../.ci/make-trixie-root', import.meta.url));

/** Makes it where it is not there yet, which takes some minutes; a text says why it is not to be had. */
export async function findNewerDebian(): Promise<{ readonly folder: string } | string> {
  const problem = realEngineProblem();
  if (problem !== undefined) return `real engine, ${problem}`;
  const { exitCode, stdout, stderr } = await run([script], { timeoutMs: 15 * 60_000 });
  const lastLine = stderr.trim().split('\n').at(-1);
  return exitCode === 0 ? { folder: stdout.trim() } : `Debian's next release, ${lastLine}`;
}
