// The VM's images: pulled ones, and those that builds created, with their layer cache.

import { createHash } from 'node:crypto';
import type { ContainerInit } from '../../engine/container.ts';
import type { Instruction } from './dockerfile.ts';
import { splitWords } from './service.ts';

/** What an image gives to a container that says nothing else. */
export interface Image {
  /** `sha256:…` */
  readonly id: string;
  /** The first image that it is built on, e.g. `nginx:1.29-alpine`. */
  readonly base: string;
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly env: readonly string[];
  readonly exposed: NonNullable<ContainerInit['ports']>;
  readonly labels: Readonly<Record<string, string>>;
  readonly healthcheck: readonly string[] | undefined;
  readonly stopSignal: string | undefined;
}

export interface Images {
  /** An image as a registry would give it; always the same for the same reference. */
  pull(reference: string): Image;
  tagged(reference: string): Image | undefined;
  tag(reference: string, image: Image): void;
  /** True when this layer was there already; from now on it is. */
  cache(layer: string): boolean;
}

/** Only what is pulled or built is there. */
export function createImages(): Images {
  const tags = new Map<string, Image>();
  const layers = new Set<string>();
  return {
    pull: (reference) => tags.get(reference) ?? pulled(reference),
    tagged: (reference) => tags.get(reference),
    tag: (reference, image) => {
      tags.set(reference, image);
    },
    cache(layer) {
      const cached = layers.has(layer);
      layers.add(layer);
      return cached;
    },
  };
}

/** Adds what a Dockerfile's instructions say to its base image. */
export function toImage(base: Image, instructions: readonly Instruction[], id: string): Image {
  const image = { ...base, id: `sha256:${id}`, labels: { ...base.labels } };
  for (const { name, rest } of instructions) {
    if (name === 'CMD') image.command = toArgv(rest);
    if (name === 'ENTRYPOINT') Object.assign(image, { entrypoint: toArgv(rest), command: [] });
    if (name === 'ENV') image.env = [...image.env, ...toPairs(rest)];
    if (name === 'STOPSIGNAL') image.stopSignal = rest;
    if (name === 'EXPOSE') image.exposed = [...image.exposed, ...toExposed(rest)];
    if (name === 'HEALTHCHECK') image.healthcheck = toHealthcheck(rest);
    if (name === 'LABEL') {
      for (const pair of toPairs(rest)) {
        const equals = pair.indexOf('=');
        image.labels[pair.slice(0, equals)] = pair.slice(equals + 1);
      }
    }
  }
  return image;
}

export function digest(...parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

/** Images whose program is a shell. */
const shells = new Set(['alpine', 'busybox', 'debian', 'scratch', 'ubuntu']);

const path = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

function pulled(reference: string): Image {
  const name = reference.split('/').at(-1)?.split(/[:@]/)[0] ?? reference;
  const nothing = {
    id: `sha256:${digest('image', reference)}`,
    base: reference,
    entrypoint: [],
    command: [shells.has(name) ? '/bin/sh' : `/${name}`],
    env: [path],
    exposed: [],
    labels: {},
    healthcheck: undefined,
    stopSignal: undefined,
  };
  if (name === 'nginx') {
    return {
      ...nothing,
      entrypoint: ['/docker-entrypoint.sh'],
      command: ['nginx', '-g', 'daemon off;'],
      env: [path, 'NGINX_VERSION=1.29.1'],
      exposed: [{ containerPort: 80, protocol: 'tcp' }],
      stopSignal: 'SIGQUIT',
    };
  }
  if (name === 'postgres') {
    return {
      ...nothing,
      entrypoint: ['docker-entrypoint.sh'],
      command: ['postgres'],
      env: [path, 'PGDATA=/var/lib/postgresql/data'],
      exposed: [{ containerPort: 5432, protocol: 'tcp' }],
      stopSignal: 'SIGINT',
    };
  }
  return nothing;
}

function toArgv(rest: string): readonly string[] {
  if (!rest.startsWith('[')) return ['/bin/sh', '-c', rest];
  try {
    const words: unknown = JSON.parse(rest);
    return Array.isArray(words) ? words.map(String) : [];
  } catch {
    return ['/bin/sh', '-c', rest];
  }
}

function toPairs(rest: string): readonly string[] {
  const legacy = /^(\S+)\s+([^=]*)$/.exec(rest);
  return legacy ? [`${legacy[1]}=${legacy[2]}`] : splitWords(rest);
}

function toExposed(rest: string): Image['exposed'] {
  return rest.split(/\s+/).map((text) => ({
    containerPort: Number.parseInt(text, 10),
    protocol: text.endsWith('/udp') ? ('udp' as const) : ('tcp' as const),
  }));
}

function toHealthcheck(rest: string): readonly string[] | undefined {
  const [, , command = ''] = /^((?:--\S+\s+)*)(?:CMD\s+)?(.*)$/.exec(rest) ?? [];
  if (command === 'NONE') return undefined;
  return command.startsWith('[') ? ['CMD', ...toArgv(command)] : ['CMD-SHELL', command];
}
