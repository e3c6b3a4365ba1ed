// The containers of the VM: what a small home server runs, in every state that Docker knows, with days of history.

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { ContainerInit, SandboxContainer } from '../engine/container.ts';
import type { EngineControl } from '../engine/engine.ts';
import { millisToNanos, nanosToMillis } from '../engine/logs/nano-time.ts';
import {
  createAppActivity,
  createCrashActivity,
  createTerminalActivity,
} from '../engine/simulated-log-lines.ts';
import type { CommandIo } from './commands/command-io.ts';
import { parseComposeArguments } from './compose/arguments.ts';
import { buildImage } from './compose/build.ts';
import type { Images } from './compose/images.ts';
import { loadProject } from './compose/project.ts';
import { imageNameOf, toContainer } from './compose/to-container.ts';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** Gives the engine its containers, those of the stacks through the stacks' own files. */
export async function populate(
  engine: EngineControl,
  { home, images }: { readonly home: string; readonly images: Images },
): Promise<void> {
  const stack = async (
    folder: string,
    service: string,
    init: Partial<ContainerInit> & { readonly v1?: true },
  ): Promise<void> => {
    const { v1, ...rest } = init;
    const directory = join(home, 'stacks', folder);
    const style = v1 ? 'v1' : 'v2';
    const fromFile = await readService({ directory, service, style, images });
    const behaviour = { ...fromFile.behaviour, ...rest.behaviour };
    remember(engine.add({ ...fromFile, ...rest, behaviour }));
  };

  await stack('web', 'nginx', { startedAgoMs: 3 * hour, createdAgoMs: 6 * day });
  await stack('web', 'whoami', { startedAgoMs: 26 * hour, createdAgoMs: 9 * day });
  await stack('data', 'postgres', {
    startedAgoMs: 4 * day,
    createdAgoMs: 40 * day,
    linkNames: ['/vaultwarden/db'],
  });
  await stack('data', 'backup', {
    status: 'exited',
    createdAgoMs: 40 * day,
    startedAgoMs: 2 * day + 70_000,
    finishedAgoMs: 2 * day,
    behaviour: { exitsAfterMs: 300 },
  });
  await stack('vaultwarden', 'vaultwarden', { startedAgoMs: 4 * day, createdAgoMs: 12 * day });
  await stack('photos', 'gallery', { v1: true, startedAgoMs: 8 * day, createdAgoMs: 8 * day });
  for (const init of singles) remember(engine.add(init));
  await editSince(join(home, 'stacks', 'web', 'html', 'index.html'));
}

/** Containers that somebody once started by hand. */
const singles: readonly ContainerInit[] = [
  {
    name: 'watch',
    image: 'busybox:1.37',
    command: ['sh', '-c', 'while :; do uptime; sleep 1; done'],
    tty: true,
    startedAgoMs: 47 * minute,
    behaviour: { activity: createTerminalActivity(), stopExitCode: 137, stopTakesMs: 400 },
  },
  {
    name: 'uptime-kuma',
    image: 'louislam/uptime-kuma:1',
    command: ['node', 'server/server.js'],
    status: 'paused',
    restart: 'always',
    startedAgoMs: 5 * day,
    ports: [{ containerPort: 3001, protocol: 'tcp', hostPort: 3001 }],
    behaviour: { activity: createAppActivity('uptime-kuma'), stopExitCode: 0 },
  },
  {
    name: 'minecraft',
    image: 'itzg/minecraft-server:java21',
    command: ['/start'],
    status: 'created',
    createdAgoMs: 3 * day,
    ports: [{ containerPort: 25_565, protocol: 'tcp', hostPort: 25_565 }],
    behaviour: { activity: createAppActivity('minecraft'), stopExitCode: 0 },
  },
  {
    name: 'mail-relay',
    image: 'boky/postfix:4.4',
    command: ['/scripts/run.sh'],
    status: 'restarting',
    restart: 'always',
    exitCode: 1,
    restartCount: 214,
    createdAgoMs: 5 * hour,
    startedAgoMs: 20_500,
    finishedAgoMs: 20_000,
    behaviour: { activity: createCrashActivity(), exitsAfterMs: 300, exitCode: 1 },
  },
];

interface ServiceSource {
  readonly directory: string;
  readonly service: string;
  readonly style: 'v1' | 'v2';
  readonly images: Images;
}

async function readService({
  directory,
  service: name,
  style,
  images,
}: ServiceSource): Promise<ContainerInit> {
  const given = parseComposeArguments(['--project-directory', directory, 'up'], directory);
  const project = await loadProject(given, { cwd: directory, env: {} });
  const service = project.services.get(name);
  if (service === undefined) throw new Error(`the stack in ${directory} has no service ${name}`);
  const tag = imageNameOf(project, service, style);
  const { build } = service;
  const image =
    build === undefined
      ? images.pull(tag)
      : await buildImage({ service: name, build, tag, images, io: silent, style, stepMs: 0 });
  return toContainer({ project, service, image, style, number: 1 });
}

const silent: CommandIo = {
  cwd: '/',
  env: {},
  stdin: Readable.from([]),
  stdout: () => true,
  stderr: () => true,
  drained: () => Promise.resolve(),
  signal: new AbortController().signal,
};

/** Writes the log that the container has by now: its start, then its talk, 400 times at most. */
function remember(container: SandboxContainer): void {
  const { activity } = container.spec.behaviour;
  if (activity === undefined || container.startedAt === 0n) return;
  const started = nanosToMillis(container.startedAt);
  const ended = container.finishedAt === 0n ? Date.now() : nanosToMillis(container.finishedAt);
  const say = (lines: ReturnType<typeof activity.next>, atMs: number): void => {
    for (const [index, line] of lines.entries()) {
      const time = millisToNanos(atMs - (line.earlierMs ?? 0)) + BigInt(index * 1_723 + 417);
      container.log.append(line.stream, `${line.text}\n`, time);
    }
  };
  say(activity.starting(new Date(started)), started);
  const gapMs = Math.max(activity.everyMs.max, (ended - started) / 400);
  for (let atMs = started + gapMs; atMs < ended; atMs += gapMs * (0.5 + Math.random())) {
    say(activity.next(new Date(atMs)), atMs);
  }
}

/** Somebody has changed the page after the image was built: the first rebuild has something to do. */
async function editSince(file: string): Promise<void> {
  const text = await readFile(file, 'utf8');
  await writeFile(file, text.replace('It works', 'It works, even on demand'));
}
