// From a service and its image to the container that compose would create for it.

import type { Behaviour, ContainerInit } from '../../engine/container.ts';
import {
  createAppActivity,
  createNginxActivity,
  createPostgresActivity,
} from '../../engine/simulated-log-lines.ts';
import { digest, type Image } from './images.ts';
import type { Project } from './project.ts';
import type { Service } from './service.ts';

export interface ToContainerOptions {
  readonly project: Project;
  readonly service: Service;
  readonly image: Image;
  readonly style: 'v1' | 'v2';
  /** Among the replicas of its service, from 1 on. */
  readonly number: number;
  /** The container whose network it shares. */
  readonly networkOf?: string | undefined;
}

/** The container as compose labels, names and configures it. */
export function toContainer(
  options: ToContainerOptions,
): ContainerInit & { readonly name: string } {
  const { project, service, image, style, number } = options;
  const separator = style === 'v1' ? '_' : '-';
  const entrypoint = service.entrypoint ?? image.entrypoint;
  const command = service.command ?? (service.entrypoint ? [] : image.command);
  const published = new Set(service.ports.map((port) => port.containerPort));
  const environment = Object.entries(service.environment).map(
    ([name, value]) => `${name}=${value}`,
  );
  const reference = service.image ?? imageNameOf(project, service, style);
  const healthcheck = service.healthcheck ?? image.healthcheck;
  return {
    name: service.containerName ?? [project.name, service.name, number].join(separator),
    image: reference,
    imageId: image.id,
    entrypoint,
    command,
    env: [
      ...environment,
      ...image.env.filter(
        (entry) => !Object.hasOwn(service.environment, entry.split('=')[0] ?? ''),
      ),
    ],
    labels: { ...image.labels, ...toLabels(options) },
    ports: [
      ...service.ports,
      ...image.exposed.filter((port) => !published.has(port.containerPort)),
    ],
    mounts: service.mounts.map((mount) =>
      mount.type === 'volume' ? { ...mount, source: `${project.name}_${mount.source}` } : mount,
    ),
    network: toNetwork(options),
    restart: service.restart,
    tty: service.tty,
    ...(healthcheck && healthcheck[0] !== 'NONE' && { healthcheck }),
    stopSignal: service.stopSignal ?? image.stopSignal ?? 'SIGTERM',
    behaviour: toBehaviour(image.base, [...entrypoint, ...command]),
  };
}

function toNetwork({ project, service, networkOf }: ToContainerOptions): string {
  if (networkOf !== undefined) return `container:${networkOf}`;
  return ['host', 'none', 'bridge'].includes(service.network)
    ? service.network
    : `${project.name}_${service.network}`;
}

/** What compose calls an image that it builds. */
export function imageNameOf(project: Project, service: Service, style: 'v1' | 'v2'): string {
  return service.image ?? `${project.name}${style === 'v1' ? '_' : '-'}${service.name}`;
}

/** Changes with anything in the service that makes another container. */
export function configHashOf(service: Service): string {
  return digest('service', JSON.stringify(service));
}

function toLabels({ project, service, image, style, number }: ToContainerOptions) {
  const v1 = style === 'v1';
  return {
    ...service.labels,
    'com.docker.compose.config-hash': configHashOf(service),
    'com.docker.compose.container-number': String(number),
    ...(!v1 && {
      'com.docker.compose.depends_on': service.dependsOn
        .map((each) => `${each}:service_started:false`)
        .join(','),
      'com.docker.compose.image': image.id,
    }),
    'com.docker.compose.oneoff': 'False',
    'com.docker.compose.project': project.name,
    'com.docker.compose.project.config_files': (v1 ? project.fileNames : project.files).join(','),
    'com.docker.compose.project.working_dir': project.directory,
    'com.docker.compose.service': service.name,
    'com.docker.compose.version': v1 ? '1.29.2' : '2.39.1',
  };
}

/** Programs that are known behave as themselves, trivial commands as written, everything else just runs. */
function toBehaviour(base: string, argv: readonly string[]): Behaviour {
  const name = base.split('/').at(-1)?.split(':')[0] ?? base;
  const line = argv.join(' ');
  const exit = /^(?:true|false|(?:\S*sh) -c (?:exit (\d+)|true|false))$/.exec(line);
  if (exit) {
    return { exitsAfterMs: 50, exitCode: Number(exit[1] ?? (line.endsWith('false') ? 1 : 0)) };
  }
  if (name === 'nginx') return { activity: createNginxActivity(), stopExitCode: 0 };
  if (name === 'postgres') return { activity: createPostgresActivity(), stopExitCode: 0 };
  // A shell as the first process of a container does not hear SIGTERM.
  if (/^(\S*sh|sleep)( |$)/.test(line)) return { ignoresStop: true };
  return { activity: createAppActivity(name), stopExitCode: 0 };
}
