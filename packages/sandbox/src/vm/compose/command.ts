// `docker compose …` and `docker-compose …`.

import { stringify } from 'yaml';
import type { EngineControl } from '../../engine/engine.ts';
import { CommandFailure } from '../command-failure.ts';
import type { CommandIo } from '../command-io.ts';
import { formatTable, toPsRow } from '../ps-table.ts';
import { type ComposeArguments, parseComposeArguments } from './arguments.ts';
import type { Images } from './images.ts';
import { loadProject, type Project } from './project.ts';
import { containerOf, up } from './up.ts';

export interface ComposeOptions {
  readonly argv: readonly string[];
  readonly style: 'v1' | 'v2';
  readonly engine: EngineControl;
  readonly images: Images;
  /** Throws where the engine cannot be reached. */
  readonly reach: () => Promise<void>;
  readonly io: CommandIo;
}

/** Runs one compose command. Throws `CommandFailure` for everything that compose would exit with another code than 0 for. */
export async function runCompose(options: ComposeOptions): Promise<void> {
  const { argv, style, io } = options;
  const given = parseComposeArguments(argv, io.cwd);
  switch (given.command) {
    case 'version':
      io.stdout(toVersionText(style, given));
      return;
    case 'help':
      io.stdout('Usage:  docker compose [OPTIONS] COMMAND\n\nCommands: config ps up version\n');
      return;
    case 'config': {
      const { source, name } = await loadProject(given, io);
      io.stdout(stringify(style === 'v2' ? { name, ...source } : source));
      return;
    }
    case 'up': {
      const project = await loadProject(given, io);
      await options.reach();
      await up({ ...options, given, project });
      return;
    }
    case 'ps': {
      const project = await loadProject(given, io);
      await options.reach();
      listServices(project, given, options);
      return;
    }
    default:
      throw new CommandFailure(`unknown docker command: "compose ${given.command}"`, 16);
  }
}

function listServices(
  project: Project,
  { flags }: ComposeArguments,
  options: ComposeOptions,
): void {
  const { engine, io } = options;
  const found = [...project.services.keys()].flatMap((service) => {
    const container = containerOf(engine, project, service);
    if (container === undefined) return [];
    const shown = flags.has('a') || flags.has('all') || container.status === 'running';
    return shown ? [{ service, row: toPsRow(container) }] : [];
  });
  if (flags.has('q') || flags.has('quiet')) {
    for (const { row } of found) io.stdout(`${row.id}\n`);
    return;
  }
  const header = ['NAME', 'IMAGE', 'COMMAND', 'SERVICE', 'CREATED', 'STATUS', 'PORTS'];
  const rows = found.map(({ service, row }) => {
    const { names, image, command, created, status, ports } = row;
    return [names, image, command, service, created, status, ports];
  });
  io.stdout(formatTable([header, ...rows]));
}

function toVersionText(style: 'v1' | 'v2', { flags }: ComposeArguments): string {
  if (flags.has('short')) return style === 'v1' ? '1.29.2\n' : '2.39.1\n';
  return style === 'v1'
    ? 'docker-compose version 1.29.2, build 5becea4c\n'
    : 'Docker Compose version v2.39.1\n';
}
