// From a container to the command that rebuilds it through Docker Compose on the VM, by its own labels.

import { AppError } from '../errors.ts';
import { vmId } from '../model/vm.ts';
import type { CallOptions, CommandResult, EngineContainer, JobPlan, Shell } from '../ports.ts';
import type { Channels } from '../ssh/channels.ts';
import { type ComposeTarget, isInside, readComposeLabels } from './compose.ts';

export interface RebuildPlannerOptions {
  readonly shell: Shell;
  /** What the VM has is remembered for one connection. */
  readonly channels: Pick<Channels, 'generation'>;
  /** On the VM; absolute. */
  readonly socketPath: string;
  /** `docker compose` or `docker-compose`; left out, whichever the VM has, in this order. */
  readonly composeCommand?: string | undefined;
  /** Folders on the VM; left out or empty, any. */
  readonly composeRoots?: readonly string[] | undefined;
}

/**
 * Says what to run to rebuild the container's service and bring it up; the lock is that of its compose project.
 * Throws `CONFLICT` (no usable compose labels, outside the roots) and `SERVICE_UNAVAILABLE`.
 */
export type PlanRebuild = (container: EngineContainer, options?: CallOptions) => Promise<JobPlan>;

/**
 * Builds the planner.
 *
 * @example
 * const planRebuild = createRebuildPlanner({ shell, channels, socketPath: '/var/run/docker.sock', composeRoots: ['/srv'] });
 */
export function createRebuildPlanner({
  shell,
  channels,
  socketPath,
  composeCommand,
  composeRoots = [],
}: RebuildPlannerOptions): PlanRebuild {
  const configured = composeCommand?.trim().split(/\s+/);
  const env = { ...quiet, DOCKER_HOST: `unix://${socketPath}` };
  let found: { readonly command: readonly string[]; readonly generation: number } | undefined;

  return async function planRebuild({ name, labels }, { signal } = {}) {
    const reading = readComposeLabels(labels);
    if ('reason' in reading) throw refused(name, reading.reason);
    const target = await resolveTarget(name, reading.target, signal);
    const command = configured ?? (await findCommand(signal));
    return {
      argv: [...command, ...toArguments(target)],
      env,
      lock: `rebuild-${target.project}`,
    };
  };

  async function resolveTarget(
    name: string,
    target: ComposeTarget,
    signal: AbortSignal | undefined,
  ): Promise<ComposeTarget> {
    const roots = await resolveRoots(signal);
    const resolve = async (path: string) => {
      const resolved = await readLink(path, signal);
      if (resolved === undefined) {
        throw refused(name, 'its compose folder or one of its files is no longer on the VM');
      }
      if (composeRoots.length > 0 && !roots.some((root) => isInside(resolved, root))) {
        throw refused(name, 'its compose folder or one of its files is outside COMPOSE_ROOTS');
      }
      return resolved;
    };
    // One after the other: commands share few places on the connection.
    const workingDir = await resolve(target.workingDir);
    const files: string[] = [];
    for (const file of target.files) files.push(await resolve(file));
    const environmentFiles: string[] = [];
    for (const file of target.environmentFiles) environmentFiles.push(await resolve(file));
    return { ...target, workingDir, files, environmentFiles };
  }

  async function resolveRoots(signal: AbortSignal | undefined): Promise<string[]> {
    const roots: string[] = [];
    for (const root of composeRoots) {
      const resolved = await readLink(root, signal);
      if (resolved !== undefined) roots.push(resolved);
    }
    return roots;
  }

  /** The path with every link followed; `undefined` when there is nothing, or a name that no message could carry. */
  async function readLink(
    path: string,
    signal: AbortSignal | undefined,
  ): Promise<string | undefined> {
    const { exitCode, output } = await run(['readlink', '-e', '--', path], { signal });
    const resolved = output.replace(/\n$/, '');
    return exitCode === 0 && resolved.startsWith('/') && !/\p{Cc}/u.test(resolved)
      ? resolved
      : undefined;
  }

  async function findCommand(signal: AbortSignal | undefined): Promise<readonly string[]> {
    if (found?.generation === channels.generation) return found.command;
    for (const command of [['docker', 'compose'], ['docker-compose']]) {
      const { exitCode } = await run([...command, 'version'], { signal });
      if (exitCode !== 0) continue;
      found = { command, generation: channels.generation };
      return command;
    }
    throw new AppError(
      'SERVICE_UNAVAILABLE',
      `${vmId} has neither "docker compose" nor "docker-compose"; install Docker Compose on the VM, or set COMPOSE_COMMAND`,
      { text: 'Missing software on the VM' },
    );
  }

  function run(argv: readonly string[], options: CallOptions): Promise<CommandResult> {
    return shell.run(argv, { timeoutMs: 15_000, ...options, env });
  }
}

/** Plain output: nobody sees the terminal. */
const quiet = {
  COMPOSE_ANSI: 'never',
  COMPOSE_PROGRESS: 'plain',
  BUILDKIT_PROGRESS: 'plain',
  DOCKER_CLI_HINTS: 'false',
  NO_COLOR: '1',
};

function toArguments({ project, service, workingDir, files, environmentFiles }: ComposeTarget) {
  return [
    '-p',
    project,
    ...files.flatMap((file) => ['-f', file]),
    ...environmentFiles.flatMap((file) => ['--env-file', file]),
    '--project-directory',
    workingDir,
    'up',
    '-d',
    '--build',
    '--no-deps',
    service,
  ];
}

function refused(name: string, reason: string): AppError {
  return new AppError(
    'CONFLICT',
    `The container '${name}' on ${vmId} cannot be rebuilt: ${reason}`,
    { text: 'Rebuild not possible', details: { name } },
  );
}
