// From a container to the command that rebuilds it through Docker Compose on the VM, by its own labels.

import { randomUUID } from 'node:crypto';
import type { EngineContainer, JobPlan, RebuildOptions, Shell } from '../../adapter-ports.ts';
import { AppError } from '../../app-error.ts';
import { isOfService, toCutOffNote } from '../../model/compose-service.ts';
import { vmId } from '../../model/vm.ts';
import type { Channels } from '../../ssh/channel/channels.ts';
import { chooseSource, pathsToProbe } from './choose-source-folder.ts';
import { createComposeFinder } from './find-command.ts';
import { type ComposeTarget, readComposeLabels } from './labels.ts';
import { probePaths, runBeforeStart } from './probe-project-paths.ts';
import { type ComposeSource, isAbsolute, toShortPath } from './project-locations.ts';
import { inFolderScript, rebuildScript } from './rebuild-commands.ts';

export interface RebuildPlannerOptions {
  readonly shell: Shell;
  /** What the VM has is remembered for one connection. */
  readonly channels: Pick<Channels, 'generation'>;
  /** On the VM; absolute. */
  readonly socketPath: string;
  /** `docker compose` or `docker-compose`; left out, whichever the VM has, that which made the container first. */
  readonly composeCommand?: string | undefined;
  /** Folders on the VM; left out or empty, any. */
  readonly composeRoots?: readonly string[] | undefined;
}

/**
 * Says what to run to rebuild the container's service and bring it up as its owner would; the lock is that of its compose project.
 * Throws `CONFLICT` (no usable compose labels, outside the roots, gone from the file, not readable) and `SERVICE_UNAVAILABLE`; nothing was started then.
 */
export type PlanRebuild = (
  container: EngineContainer,
  options?: RebuildOptions,
) => Promise<JobPlan>;

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
  const env = { ...quiet, DOCKER_HOST: `unix://${socketPath}` };
  const findCommand = createComposeFinder({ shell, channels, composeCommand, env });

  return async function planRebuild(container, { all = [], signal } = {}) {
    const { name } = container;
    const reading = readComposeLabels(container.labels);
    if ('reason' in reading) throw refused(name, reading.reason);
    const { target } = reading;
    const source = await findSource(name, target, signal);
    const command = await findCommand({ madeBy: target.madeBy, signal });
    const compose = [...command, ...toOptions(target, source)];
    await requireService(name, { target, source, compose }, signal);
    const siblings = all.filter(({ labels }) => isOfService(labels, target));
    return {
      argv: [
        ...['sh', '-c', rebuildScript, 'ondemand-rebuild', ...toFolderArgs(source), target.service],
        siblings.length > 1 ? String(siblings.length) : '',
        isCutOff(container, all) ? container.id : '',
        toNotes(siblings, all),
        ...compose,
      ],
      env,
      lock: `rebuild-${target.project}`,
    };
  };

  /** `COMPOSE_ROOTS` are held against where links lead now; what compose gets are the labels' own paths, which lead wherever the owner points them. */
  async function findSource(
    name: string,
    target: ComposeTarget,
    signal: AbortSignal | undefined,
  ): Promise<ComposeSource> {
    const paths = [...pathsToProbe(target), ...composeRoots];
    const answer = await probePaths(shell, paths, { marker: randomUUID(), signal });
    const choice = chooseSource(target, answer, composeRoots);
    if ('reason' in choice) throw refused(name, choice.reason);
    return choice.source;
  }

  /** Where the file cannot be read by compose, the job says so in compose's own words. */
  async function requireService(
    name: string,
    { target: { service }, source, compose }: Planned,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const config = (...args: readonly string[]) =>
      runBeforeStart(
        shell,
        [
          'sh',
          '-c',
          inFolderScript,
          'ondemand',
          ...toFolderArgs(source),
          ...compose,
          'config',
          ...args,
        ],
        { env, signal },
      );
    const listed = await config('--services');
    if (listed.exitCode !== 0 || listed.output.split(/\r?\n/).includes(service)) return;
    // v2 lists no service of a profile that is off unless it is named; v1 lists all, and cannot be asked for one.
    const { output } = await config('--quiet', service);
    if (!/no such service|^Usage: config/im.test(output)) return;
    const files = source.files.map((file) => `'${toShortPath(file)}'`).join(' and ');
    throw refused(
      name,
      `its service '${service}' is no longer in ${files}; put it back there, or remove the container`,
    );
  }
}

interface Planned {
  readonly target: ComposeTarget;
  readonly source: ComposeSource;
  readonly compose: readonly string[];
}

/** Plain output: nobody sees the terminal. */
const quiet = {
  COMPOSE_ANSI: 'never',
  COMPOSE_PROGRESS: 'plain',
  BUILDKIT_PROGRESS: 'plain',
  DOCKER_CLI_HINTS: 'false',
  NO_COLOR: '1',
};

function toOptions(
  { project, workingDir }: ComposeTarget,
  source: ComposeSource,
): readonly string[] {
  const { files, environmentFiles } = source;
  return [
    ...['-p', project],
    ...files.flatMap((file) => ['-f', asValue(file)]),
    ...environmentFiles.flatMap((file) => ['--env-file', asValue(file)]),
    ...['--project-directory', workingDir],
  ];
}

/** Compose makes the same label of it. */
function asValue(path: string): string {
  return path.startsWith('-') ? `./${path}` : path;
}

/** How to enter its folder: where files are relative to it, `..` must mean the same to the kernel and to compose. */
function toFolderArgs({
  folder,
  files,
  environmentFiles,
}: ComposeSource): readonly [string, string] {
  const isFixed = [...files, ...environmentFiles].every(isAbsolute);
  return [isFixed ? '-L' : '-P', folder];
}

/** It shares the network of a container that was removed. */
function isCutOff({ networkOf }: EngineContainer, all: readonly EngineContainer[]): boolean {
  return networkOf !== undefined && all.length > 0 && !all.some(({ id }) => id === networkOf);
}

/** What to say of each container that loses its network where one of the service is replaced. */
function toNotes(siblings: readonly EngineContainer[], all: readonly EngineContainer[]): string {
  return siblings
    .flatMap((sibling) =>
      all
        .filter(({ networkOf }) => networkOf === sibling.id)
        .map((sharer) => `${sibling.id} ${toCutOffNote(sharer, sibling.name)}`),
    )
    .join('\n');
}

function refused(name: string, reason: string): AppError {
  return new AppError(
    'CONFLICT',
    `The container '${name}' on ${vmId} cannot be rebuilt: ${reason}`,
    { text: 'Rebuild not possible', details: { name } },
  );
}
