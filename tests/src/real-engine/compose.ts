// Docker Compose in both of its major versions, as a project's owner on the VM calls it.

import { existsSync } from 'node:fs';
import { chown, copyFile, link, mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { type RunResult, run } from '../support/run.ts';
import { requireTool } from './real-engine-problem.ts';
import type { RealVm } from './start-real-vm.ts';

export type ComposeVersion = 'v1' | 'v2';

/** Where Debian and Docker install the plugin, and where `.ci/install-compose-2` keeps it. */
const pluginFolders = [
  '/usr/libexec/docker/cli-plugins',
  '/usr/lib/docker/cli-plugins',
  join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'ondemand-tests/compose-2'),
];

/** Why there is no such compose here; undefined where there is. v1 is among the tools that every real VM has. */
export function composeProblem(version: ComposeVersion): string | undefined {
  return version === 'v1' || findPlugin() !== undefined
    ? undefined
    : 'there is no Docker Compose 2 (run .ci/install-compose-2)';
}

/** The version that most VMs have, where this machine has it. */
export const everydayCompose: ComposeVersion = findPlugin() === undefined ? 'v1' : 'v2';

/** With Python's own distutils it starts in half the time: that of setuptools loads all of setuptools. */
export const lightComposeV1 = { SETUPTOOLS_USE_DISTUTILS: 'stdlib' };

/** Gives the docker that has this folder of settings the command `docker compose`, where it can. */
export async function addComposePlugin(config: string, userId: number): Promise<void> {
  const plugin = findPlugin();
  if (plugin === undefined) return;
  const folder = join(config, 'cli-plugins');
  await mkdir(folder, { recursive: true });
  // Builds keep notes of their own beside it.
  for (const each of [dirname(folder), folder]) await chown(each, userId, userId);
  const file = join(folder, 'docker-compose');
  // Not a symbolic link: the owner may not enter where it is kept.
  await link(plugin, file).catch(() => copyFile(plugin, file));
}

export interface ComposeCall {
  readonly version?: ComposeVersion;
  /** Where it is called. */
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs compose as the owner would, whatever its exit code; `PWD` is as a shell has it. */
export function runCompose(
  vm: Pick<RealVm, 'home' | 'composeEnv'>,
  args: readonly string[],
  { version = everydayCompose, cwd, env = {} }: ComposeCall,
): Promise<RunResult> {
  const command =
    version === 'v2' ? [requireTool('docker'), 'compose'] : [requireTool('docker-compose')];
  return run([...command, '--ansi', 'never', ...args], {
    cwd,
    env: {
      ...vm.composeEnv,
      PWD: cwd,
      // As root it would write into the SSH user's own.
      DOCKER_CONFIG: join(dirname(vm.home), 'owner-docker'),
      BUILDKIT_PROGRESS: 'plain',
      ...env,
    },
    timeoutMs: 120_000,
  });
}

function findPlugin(): string | undefined {
  return pluginFolders
    .map((folder) => join(folder, 'docker-compose'))
    .find((path) => existsSync(path));
}
