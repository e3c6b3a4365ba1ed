// `build SERVICE` and `up -d SERVICE`: builds, and recreates containers when image or configuration have changed.

import type { SandboxContainer } from '../../engine/container.ts';
import type { EngineControl } from '../../engine/engine.ts';
import type { CommandIo } from '../commands/command-io.ts';
import { CommandFailure } from '../commands/failure.ts';
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
  for (const service of inOrder(options)) {
    const image = await imageOf(service, options);
    const old = containersOf(options.engine, options.project, service.name);
    const count = options.given.scales.get(service.name) ?? 1;
    for (let number = 1; number <= count; number += 1) {
      await converge(service, image, { ...options, number, old: old[number - 1] });
    }
    for (const surplus of old.slice(count)) {
      await options.engine.lifecycle.stop(surplus);
      options.engine.lifecycle.remove(surplus, { force: true });
      createSay(surplus.name, options).done('Removed');
    }
  }
}

/** Builds the wanted services that are built, whether they need it or not. Throws as `up` does. */
export async function build(options: UpOptions): Promise<void> {
  const given = { ...options.given, flags: new Set(['build', 'no-deps']) };
  for (const service of inOrder({ ...options, given })) {
    await imageOf(service, { ...options, given });
  }
}

/** The service by its name. Throws `CommandFailure`. */
export function requireService(project: Project, name: string, style: 'v1' | 'v2'): Service {
  const service = project.services.get(name);
  if (service !== undefined) return service;
  throw new CommandFailure(`${style === 'v1' ? 'N' : 'n'}o such service: ${name}`);
}

/** The containers of a service by their numbers. */
export function containersOf(
  engine: EngineControl,
  project: Project,
  service: string,
): readonly SandboxContainer[] {
  const number = ({ spec }: SandboxContainer) =>
    Number(spec.labels['com.docker.compose.container-number']);
  return engine.containers
    .filter(
      ({ spec }) =>
        spec.labels['com.docker.compose.project'] === project.name &&
        spec.labels['com.docker.compose.service'] === service &&
        spec.labels['com.docker.compose.oneoff'] !== 'True',
    )
    .sort((a, b) => number(a) - number(b));
}

/** The wanted services, each after those that it depends on. */
function inOrder({ project, given, style }: UpOptions): readonly Service[] {
  const ordered = new Set<Service>();
  const add = (name: string): void => {
    const service = requireService(project, name, style);
    if (ordered.has(service)) return;
    if (!given.flags.has('no-deps')) for (const each of service.dependsOn) add(each);
    ordered.add(service);
  };
  for (const name of given.services.length > 0 ? given.services : project.services.keys()) {
    add(name);
  }
  return [...ordered];
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

interface Replica {
  readonly number: number;
  readonly old: SandboxContainer | undefined;
}

async function converge(
  service: Service,
  image: Image,
  options: UpOptions & Replica,
): Promise<void> {
  const { engine, project, given, style, io, number, old } = options;
  const shared = /^service:(.+)$/.exec(service.network)?.[1];
  const networkOf = shared && containersOf(engine, project, shared)[0]?.id;
  const init = toContainer({ project, service, image, style, number, networkOf });
  const say = createSay(init.name, options);
  const same =
    old?.spec.imageId === image.id &&
    // v1 does not see that the network of another container is gone.
    (style === 'v1' || networkOf === undefined || old.spec.network === init.network) &&
    old.spec.labels['com.docker.compose.config-hash'] === configHashOf(service);
  const isForced = given.flags.has('force-recreate') && given.services.includes(service.name);
  if (old !== undefined && same && !isForced) {
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
