// `up -d --build --no-deps SERVICE`: builds, and recreates the container when image or configuration have changed.

import type { SandboxContainer } from '../../engine/container.ts';
import type { EngineControl } from '../../engine/engine.ts';
import { CommandFailure } from '../command-failure.ts';
import type { CommandIo } from '../command-io.ts';
import type { ComposeArguments } from './arguments.ts';
import { buildImage } from './build.ts';
import type { Image, Images } from './images.ts';
import type { Project } from './project.ts';
import type { Service } from './service.ts';
import { configHashOf, imageNameOf, toContainer } from './to-container.ts';

export interface UpOptions {
  readonly engine: EngineControl;
  readonly images: Images;
  readonly project: Project;
  readonly given: ComposeArguments;
  readonly style: 'v1' | 'v2';
  readonly io: CommandIo;
}

const stepMs = 60;

/** Brings each wanted service to what its file says. Throws `CommandFailure` with compose's words and exit code. */
export async function up(options: UpOptions): Promise<void> {
  const { project, given, style } = options;
  const names = given.services.length > 0 ? given.services : [...project.services.keys()];
  const services = names.map((name) => {
    const service = project.services.get(name);
    if (service !== undefined) return service;
    throw new CommandFailure(`${style === 'v1' ? 'N' : 'n'}o such service: ${name}`);
  });
  for (const service of services) {
    const image = await imageOf(service, options);
    await converge(service, image, options);
  }
}

/** The container of a service, if the project has one. */
export function containerOf(
  engine: EngineControl,
  project: Project,
  service: string,
): SandboxContainer | undefined {
  return engine.containers.find(
    ({ spec }) =>
      spec.labels['com.docker.compose.project'] === project.name &&
      spec.labels['com.docker.compose.service'] === service &&
      spec.labels['com.docker.compose.oneoff'] !== 'True',
  );
}

async function imageOf(service: Service, options: UpOptions): Promise<Image> {
  const { images, project, given, style, io } = options;
  const tag = imageNameOf(project, service, style);
  const present = images.tagged(tag);
  if (service.build === undefined) return images.pull(service.image ?? tag);
  if (present !== undefined && !given.flags.has('build')) return present;
  return buildImage({
    service: service.name,
    build: service.build,
    tag,
    images,
    io,
    style,
    stepMs,
  });
}

async function converge(service: Service, image: Image, options: UpOptions): Promise<void> {
  const { engine, project, given, style, io } = options;
  const init = toContainer({ project, service, image, style });
  const old = containerOf(engine, project, service.name);
  const say = createSay(init.name, options);
  const same =
    old?.spec.imageId === image.id &&
    old.spec.labels['com.docker.compose.config-hash'] === configHashOf(service);
  if (old !== undefined && same && !given.flags.has('force-recreate')) {
    if (old.status === 'running') return say.unchanged();
    say.doing('Starting');
    await engine.lifecycle.start(old);
    return say.done('Started');
  }
  io.signal.throwIfAborted();
  if (old === undefined) {
    say.doing('Creating');
    const created = engine.add({ ...init, status: 'created' });
    say.done('Created');
    await start(created, options, say);
    return;
  }
  say.doing(style === 'v1' ? 'Recreating' : 'Recreate');
  const temporary = `${old.id.slice(0, 12)}_${init.name}`;
  const created = engine.add({ ...init, name: temporary, status: 'created' });
  await engine.lifecycle.stop(old);
  engine.lifecycle.remove(old, { force: true });
  engine.lifecycle.rename(created, init.name);
  if (style === 'v2') say.done('Recreated');
  await start(created, options, say);
}

async function start(
  container: SandboxContainer,
  { engine, style }: UpOptions,
  say: Say,
): Promise<void> {
  if (style === 'v2') say.doing('Starting');
  try {
    await engine.lifecycle.start(container);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CommandFailure(`Error response from daemon: ${reason}`);
  }
  say.done('Started');
}

interface Say {
  doing(what: string): void;
  done(what: string): void;
  unchanged(): void;
}

/** Progress on stderr, in either compose's way without a terminal. */
function createSay(name: string, { io, style }: UpOptions): Say {
  if (style === 'v2') {
    const line = (what: string): void => void io.stderr(` Container ${name}  ${what}\n`);
    return { doing: line, done: line, unchanged: () => line('Running') };
  }
  let last = '';
  return {
    doing(what) {
      last = what;
      io.stderr(`${what} ${name} ... \n`);
    },
    done(what) {
      if (what === 'Started') io.stderr(`${last} ${name} ... done\n`);
    },
    unchanged: () => void io.stderr(`${name} is up-to-date\n`),
  };
}
