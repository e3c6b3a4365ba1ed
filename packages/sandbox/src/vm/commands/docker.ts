// The sandbox's `docker` and `docker-compose`: what stands first in the PATH of every command that runs on the VM.

import type { EngineControl } from '../../engine/engine.ts';
import type { Faults } from '../../faults.ts';
import { runCompose } from '../compose/command.ts';
import type { Images } from '../compose/images.ts';
import type { CommandIo } from './command-io.ts';
import { dialStdio } from './dial-stdio.ts';
import { CommandFailure } from './failure.ts';
import { formatPs } from './ps-table.ts';

export interface DockerOptions {
  readonly tool: 'docker' | 'docker-compose';
  readonly argv: readonly string[];
  readonly engine: EngineControl;
  readonly images: Images;
  readonly faults: Faults;
  readonly io: CommandIo;
}

/** The engine is where Docker's socket usually is; everything else is nothing. */
export const dockerSockets: ReadonlySet<string> = new Set([
  '/var/run/docker.sock',
  '/run/docker.sock',
]);

/** Runs one command to its exit code; whatever it has to say went to `io`. */
export async function runDocker(options: DockerOptions): Promise<number> {
  try {
    return await run(options);
  } catch (error) {
    if (options.io.signal.aborted) return 130;
    if (!(error instanceof CommandFailure)) throw error;
    options.io.stderr(`${error.message}\n`);
    return error.exitCode;
  }
}

async function run(options: DockerOptions): Promise<number> {
  const { tool, argv, engine, images, faults, io } = options;
  const { compose } = faults.docker;
  if (tool === 'docker-compose') {
    if (compose === 'v2' || compose === 'none') {
      throw new CommandFailure('sh: 1: docker-compose: not found', 127);
    }
    const reach = (): Promise<void> => reachEngine(io.env.DOCKER_HOST, engine);
    await runCompose({ argv, style: 'v1', engine, images, reach, io });
    return 0;
  }
  const rest = [...argv];
  let dockerHost = io.env.DOCKER_HOST;
  while (rest[0]?.startsWith('-')) {
    const [flag, inline] = (rest.shift() ?? '').split('=');
    if (flag === '-v' || flag === '--version') rest.unshift('--version');
    if (flag === '-v' || flag === '--version') break;
    const value = inline ?? rest.shift();
    if (flag === '-H' || flag === '--host') dockerHost = value;
  }
  const reach = (): Promise<void> => reachEngine(dockerHost, engine);
  const command = rest.shift() ?? 'help';
  switch (command) {
    case '--version':
      io.stdout(`Docker version ${engine.version.engine}, build 980b856\n`);
      return 0;
    case 'compose':
      if (compose === 'v1' || compose === 'none') throw unknownCommand('compose');
      await runCompose({ argv: rest, style: 'v2', engine, images, reach, io });
      return 0;
    case 'ps':
      await reach();
      io.stdout(formatPs(engine.containers, toPsFlags(rest)));
      return 0;
    case 'version':
      await reach();
      io.stdout(`${engine.version.engine}\n`);
      return 0;
    case 'start':
    case 'stop':
    case 'restart':
      await reach();
      return actOnAll(command, rest, options);
    case 'system':
      if (rest[0] !== 'dial-stdio') throw unknownCommand(`system ${rest[0] ?? ''}`);
      if (faults.docker.dialStdioFails) throw new CommandFailure('dial-stdio is out of order');
      await reach();
      return dialStdio(engine, io);
    default:
      throw unknownCommand(command);
  }
}

async function actOnAll(
  action: 'start' | 'stop' | 'restart',
  names: readonly string[],
  { engine, io }: DockerOptions,
): Promise<number> {
  let exitCode = 0;
  for (const name of names) {
    const container = engine.find(name);
    if (container === undefined) {
      io.stderr(`Error response from daemon: No such container: ${name}\n`);
      exitCode = 1;
      continue;
    }
    await engine.lifecycle[action](container);
    io.stdout(`${name}\n`);
  }
  return exitCode;
}

async function reachEngine(dockerHost: string | undefined, engine: EngineControl): Promise<void> {
  const host = dockerHost ?? 'unix:///var/run/docker.sock';
  const path = host.replace(/^unix:\/\//, '');
  try {
    if (!dockerSockets.has(path)) throw Object.assign(new Error('no socket'), { code: 'ENOENT' });
    (await engine.connect()).destroy();
  } catch (error) {
    // Node's system errors carry a code.
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EACCES') {
      const socket = `unix://${path}`;
      throw new CommandFailure(
        `permission denied while trying to connect to the Docker daemon socket at ${socket}: dial unix ${path}: connect: permission denied`,
      );
    }
    throw new CommandFailure(
      `Cannot connect to the Docker daemon at ${host}. Is the docker daemon running?`,
    );
  }
}

function toPsFlags(words: readonly string[]): Parameters<typeof formatPs>[1] {
  let all = false;
  let quiet = false;
  let format: string | undefined;
  for (const [index, word] of words.entries()) {
    if (word === '--all' || /^-[a-z]*a/.test(word)) all = true;
    if (word === '--quiet' || /^-[a-z]*q/.test(word)) quiet = true;
    if (word === '--format') format = words[index + 1];
    if (word.startsWith('--format=')) format = word.slice('--format='.length);
  }
  return { all, quiet, format };
}

function unknownCommand(command: string): CommandFailure {
  return new CommandFailure(
    `docker: unknown command: docker ${command}\n\nRun 'docker --help' for more information`,
  );
}
