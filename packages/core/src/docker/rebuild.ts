// Rebuilds a container through Docker Compose on the VM, from its own labels, one build per project at a time.

import { AppError } from '../errors.ts';
import type { CallOptions, CommandResult, EngineContainer, Shell } from '../ports.ts';
import type { Channels } from '../ssh/channels.ts';
import { toOutputTail } from './build-output.ts';
import { type ComposeTarget, isInside, readComposeLabels } from './compose.ts';

export interface RebuildOptions {
  readonly shell: Shell;
  /** What the VM has is remembered for one connection. */
  readonly channels: Pick<Channels, 'generation'>;
  /** On the VM; absolute. */
  readonly socketPath: string;
  /** `docker compose` or `docker-compose`; left out, whichever the VM has, in this order. */
  readonly composeCommand?: string | undefined;
  /** Folders on the VM; left out or empty, any. */
  readonly composeRoots?: readonly string[] | undefined;
  readonly timeoutMs?: number;
}

/**
 * Resolves once the container's service was built and is up.
 * The signal stops the preparation only: a build that has begun goes on when the caller leaves.
 * Throws `CONFLICT` (no usable compose labels, outside the roots, a build of this project under way), `INTERNAL_ERROR` (the build failed, with `details.exitCode` and `details.output`) and `SERVICE_UNAVAILABLE`.
 */
export type Rebuild = (container: EngineContainer, options?: CallOptions) => Promise<void>;

/**
 * Builds the rebuild.
 *
 * @example
 * const rebuild = createRebuild({ shell, channels, socketPath: '/var/run/docker.sock', composeRoots: ['/srv'] });
 */
export function createRebuild({
  shell,
  channels,
  socketPath,
  composeCommand,
  composeRoots = [],
  timeoutMs = 30 * 60_000,
}: RebuildOptions): Rebuild {
  const configured = composeCommand?.trim().split(/\s+/);
  let found: { readonly command: readonly string[]; readonly generation: number } | undefined;

  return async function rebuild(container, { signal } = {}) {
    const { name, labels } = container;
    const reading = readComposeLabels(labels);
    if ('reason' in reading) throw refused(name, reading.reason);
    const target = await resolveTarget(name, reading.target, signal);
    const command = configured ?? (await findCommand(signal));
    const folder = await makeLockFolder(signal);
    const lock = `${folder}/rebuild-${target.project}.lock`;
    const build = [
      'flock',
      '-n',
      '-E',
      String(lockedExitCode),
      lock,
      ...command,
      ...toArguments(target),
    ];
    const result = await run(build, { timeoutMs });
    if (result.exitCode === lockedExitCode) {
      throw new AppError(
        'CONFLICT',
        `A rebuild of the compose project '${target.project}' is already under way on oci-flex; wait until it has ended`,
        { details: { name, project: target.project } },
      );
    }
    if (result.exitCode !== 0) throw failed(name, result);
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
      'oci-flex has neither "docker compose" nor "docker-compose"; install Docker Compose on the VM, or set COMPOSE_COMMAND',
    );
  }

  /** A folder that only our user can write to, where no one else can hold or plant a lock. */
  async function makeLockFolder(signal: AbortSignal | undefined): Promise<string> {
    const { exitCode, output } = await run(['sh', '-c', lockFolderScript], { signal });
    const folder = output.replace(/\n$/, '');
    if (exitCode === 0 && folder.startsWith('/') && !/\p{Cc}/u.test(folder)) return folder;
    throw new AppError(
      'INTERNAL_ERROR',
      'The folder for the locks of rebuilds cannot be made on oci-flex; check the home folder of the SSH user there: its owner, and the space left',
    );
  }

  function run(
    argv: readonly string[],
    options: CallOptions & { readonly timeoutMs?: number },
  ): Promise<CommandResult> {
    const env = { ...quiet, DOCKER_HOST: `unix://${socketPath}` };
    return shell.run(argv, { timeoutMs: 15_000, ...options, env });
  }
}

/** No exit code of flock, of compose or of a shell. */
const lockedExitCode = 201;

/** Plain output: nobody sees the terminal. */
const quiet = {
  COMPOSE_ANSI: 'never',
  COMPOSE_PROGRESS: 'plain',
  BUILDKIT_PROGRESS: 'plain',
  DOCKER_CLI_HINTS: 'false',
  NO_COLOR: '1',
};

const lockFolderScript = `umask 077
folder="\${XDG_STATE_HOME:-$HOME/.local/state}/ondemand"
mkdir -p -m 700 -- "$folder" && [ -O "$folder" ] && [ ! -L "$folder" ] && chmod 700 -- "$folder" && printf '%s\\n' "$folder"`;

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
    `The container '${name}' on oci-flex cannot be rebuilt: ${reason}`,
    { details: { name } },
  );
}

function failed(name: string, { exitCode, output }: CommandResult): AppError {
  return new AppError(
    'INTERNAL_ERROR',
    `The build of '${name}' on oci-flex failed with exit code ${exitCode}; its last lines are in details.output`,
    { details: { name, exitCode, output: toOutputTail(output) } },
  );
}
