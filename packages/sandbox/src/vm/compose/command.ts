// `docker compose …` and `docker-compose …`.

import { stringify } from 'yaml';
import type { EngineControl } from '../../engine/engine.ts';
import type { CommandIo } from '../commands/command-io.ts';
import { CommandFailure } from '../commands/failure.ts';
import { formatTable, toPsRow } from '../commands/ps-table.ts';
import { type ComposeArguments, parseComposeArguments } from './arguments.ts';
import type { Images } from './images.ts';
import { loadProject, type Project } from './project.ts';
import { build, containersOf, requireService, up } from './up.ts';

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
      const { source, name, services } = await loadProject(given, io);
      if (given.flags.has('services')) {
        for (const service of services.keys()) io.stdout(`${service}\n`);
        return;
      }
      for (const service of given.services) {
        if (style === 'v1') return void io.stdout('Usage: config [options]\n');
        if (!services.has(service)) throw new CommandFailure(`no such service: ${service}`);
      }
      if (given.flags.has('q') || given.flags.has('quiet')) return;
      io.stdout(stringify(style === 'v2' ? { name, ...source } : source));
      return;
    }
    case 'build':
      await build({ ...options, given, project: await loadProject(given, io) });
      return;
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
  { flags, services }: ComposeArguments,
  options: ComposeOptions,
): void {
  const { engine, io, style } = options;
  for (const service of services) requireService(project, service, style);
  const found = [...(services.length > 0 ? services : project.services.keys())].flatMap((service) =>
    containersOf(engine, project, service)
      .filter(({ status }) => flags.has('a') || flags.has('all') || status === 'running')
      .map((container) => ({ service, id: container.id, row: toPsRow(container) })),
  );
  if (flags.has('q') || flags.has('quiet')) {
    for (const { id } of found) io.stdout(`${id}\n`);
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
