// A small home server's compose project, as its owner would keep it on the VM, with a container in each state.

import { chown, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type BehaviourWorld,
  mixedLines,
  secretWord,
  talkativeLines,
  ttyLines,
} from '../behaviour/world.ts';
import { until } from '../support/until.ts';
import { baseImage } from './base-image.ts';
import { runCompose } from './compose.ts';
import type { RealVm } from './start-real-vm.ts';

export interface ComposeProject {
  readonly folder: string;
  readonly containers: typeof projectContainers;
  /** Changes the file that the web service's image is built from; its container shows it only once it is rebuilt. */
  writePage(text: string): Promise<void>;
  /** What the running web container serves. */
  readPage(): Promise<string>;
  /** The next build prints `broken on purpose` and ends with exit code 7. */
  breakBuild(): Promise<void>;
  /** Compose itself, on this project. */
  compose(...args: string[]): Promise<string>;
}

export const projectContainers = {
  web: 'nginx',
  mixed: 'worker',
  talkative: 'import-job',
  tty: 'console',
  exited: 'migrate',
  created: 'spare',
  plain: 'cache',
  paused: 'backup',
  secretive: 'vault',
} as const satisfies BehaviourWorld['containers'];

/** Starts the project with the everyday compose and waits until each container is in its state. */
export async function startComposeProject(vm: RealVm): Promise<ComposeProject> {
  const folder = join(vm.home, 'stack');
  await mkdir(folder);
  const write = async (name: string, text: string): Promise<void> => {
    await writeFile(join(folder, name), text);
    await chown(join(folder, name), vm.user.id, vm.user.id);
  };
  await chown(folder, vm.user.id, vm.user.id);
  await Promise.all([
    write('docker-compose.yml', composeFile()),
    write('Dockerfile', dockerfile()),
    write('page.txt', 'first'),
  ]);
  const compose = async (...args: string[]): Promise<string> => {
    const { exitCode, stdout, stderr } = await runCompose(vm, args, { cwd: folder });
    if (exitCode !== 0) throw new Error(`compose ${args.join(' ')} failed: ${stdout}${stderr}`);
    return stdout;
  };
  const { created, plain, paused, exited, secretive } = projectContainers;
  await Promise.all([
    compose('up', '--detach', '--build'),
    vm.docker('create', '--name', created, baseImage, ...loop),
    vm.docker('run', ...background, '--name', plain, baseImage, ...loop),
    vm.docker(
      ...['run', ...background, '--name', secretive],
      ...['--env', `SECRET_WORD=${secretWord}`, '--label', `org.example.repeats=say ${secretWord}`],
      ...[baseImage, ...loop],
    ),
    vm
      .docker('run', ...background, '--name', paused, baseImage, ...loop)
      .then(() => vm.docker('pause', paused)),
  ]);
  await until('the short job to end', async () => {
    return (await vm.inspect(exited)).State.Status === 'exited';
  });
  for (const [part, lines] of Object.entries(spoken)) {
    await until(`all lines of ${part}`, async () => {
      const log = await vm.readLog(part);
      return lines.every((line) => log.includes(line));
    });
  }
  return {
    folder,
    containers: projectContainers,
    writePage: (text) => write('page.txt', text),
    readPage: () => vm.docker('exec', projectContainers.web, 'cat', '/www/page.txt'),
    breakBuild: () =>
      write('Dockerfile', `FROM ${baseImage}\nRUN echo broken on purpose; exit 7\n`),
    compose,
  };
}

const spoken: Readonly<Record<string, readonly string[]>> = {
  [projectContainers.mixed]: mixedLines,
  [projectContainers.talkative]: talkativeLines,
  [projectContainers.tty]: ttyLines,
};

const loop = ['sleep', '100000'] as const;
/** Where it has no need of a network of its own, the VM's spares the work of setting one up. */
const background = ['--detach', '--init', '--network', 'host'] as const;
const onVm = { network_mode: 'host' } as const;

function dockerfile(): string {
  return [
    `FROM ${baseImage}`,
    'COPY page.txt /www/page.txt',
    'RUN echo "built with $(cat /www/page.txt)"',
    'CMD ["sh", "-c", "echo serving $(cat /www/page.txt); exec httpd -f -p 80 -h /www"]',
    '',
  ].join('\n');
}

/** `init` ends a container at once on `stop`; a bare `sleep` as process 1 would take ten seconds. */
function composeFile(): string {
  // Apart in time, as the two streams reach dockerd on two ways.
  const mixed = mixedLines
    .map((line) => `echo ${line}${line.startsWith('err') ? ' >&2' : ''}; sleep 0.1`)
    .join('; ');
  const tty = ttyLines.map((line) => `echo '${line}'`).join('; ');
  const services = {
    [projectContainers.web]: {
      build: '.',
      ports: ['8080:80', '127.0.0.1:9000-9002:9000-9002', '127.0.0.1:5353:53/udp'],
    },
    [projectContainers.mixed]: {
      ...onVm,
      image: baseImage,
      command: shell(`${mixed}; exec sleep 100000`),
    },
    [projectContainers.tty]: {
      ...onVm,
      image: baseImage,
      tty: true,
      command: shell(`${tty}; exec sleep 100000`),
    },
    [projectContainers.talkative]: {
      ...onVm,
      image: baseImage,
      command: shell(`seq ${talkativeLines.length} | sed 's|^|line |'; exec sleep 100000`),
    },
    [projectContainers.exited]: {
      ...onVm,
      image: baseImage,
      command: shell('echo migrated; exit 3'),
    },
  };
  for (const [name, service] of Object.entries(services)) {
    Object.assign(service, { container_name: name, init: true });
  }
  // JSON is YAML.
  return JSON.stringify({ services }, undefined, 2);
}

function shell(script: string): readonly string[] {
  return ['sh', '-c', script];
}
