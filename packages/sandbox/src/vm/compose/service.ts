// One service of a compose file: from the many spellings of YAML to what a container needs.

import { join, resolve } from 'node:path';
import type { ContainerInit, MountSpec, PortSpec } from '../../engine/container.ts';
import { CommandFailure } from '../commands/failure.ts';
import { readEnvFile } from './variables.ts';
import { toFields } from './yaml-fields.ts';

export interface Build {
  readonly context: string;
  /** Absolute. */
  readonly dockerfile: string;
  readonly args: Readonly<Record<string, string>>;
}

export interface Service {
  readonly name: string;
  readonly image: string | undefined;
  readonly build: Build | undefined;
  readonly containerName: string | undefined;
  readonly entrypoint: readonly string[] | undefined;
  readonly command: readonly string[] | undefined;
  readonly environment: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly ports: readonly PortSpec[];
  readonly mounts: readonly MountSpec[];
  readonly network: string;
  readonly dependsOn: readonly string[];
  readonly restart: NonNullable<ContainerInit['restart']>;
  readonly tty: boolean;
  readonly healthcheck: readonly string[] | undefined;
  readonly stopSignal: string | undefined;
}

/** Throws `CommandFailure` for what is no service. */
export async function toService(
  name: string,
  fields: Readonly<Record<string, unknown>>,
  directory: string,
): Promise<Service> {
  const build = toBuild(fields.build, directory);
  const image = toText(fields.image);
  if (image === undefined && build === undefined) {
    throw new CommandFailure(
      `service "${name}" has neither an image nor a build context specified`,
    );
  }
  const [network = 'default'] = Array.isArray(fields.networks)
    ? fields.networks.map(String)
    : Object.keys(toFields(fields.networks));
  const files = toList(fields.env_file).map((file) => resolve(directory, file));
  const fromFiles = await Promise.all(files.map(readEnvFile));
  return {
    name,
    image,
    build,
    containerName: toText(fields.container_name),
    entrypoint: toArgv(fields.entrypoint),
    command: toArgv(fields.command),
    environment: Object.assign({}, ...fromFiles, toMap(fields.environment)),
    labels: toMap(fields.labels),
    ports: toPortList(fields),
    mounts: toList(fields.volumes, toMountText).map((text) => toMount(text, directory)),
    network: toText(fields.network_mode) ?? network,
    dependsOn: toDependencies(fields),
    restart: toRestart(fields.restart),
    tty: fields.tty === true,
    healthcheck: toTest(fields.healthcheck),
    stopSignal: toText(fields.stop_signal),
  };
}

/** Those of `depends_on`, and the one whose network it shares. */
function toDependencies(fields: Readonly<Record<string, unknown>>): readonly string[] {
  const named = Array.isArray(fields.depends_on)
    ? fields.depends_on.map(String)
    : Object.keys(toFields(fields.depends_on));
  const shared = /^service:(.+)$/.exec(toText(fields.network_mode) ?? '')?.[1];
  return shared === undefined ? named : [...named, shared];
}

/** Splits a command line as compose does, quotes respected. */
export function splitWords(text: string): readonly string[] {
  const words = text.match(/(?:[^\s"']+|"[^"]*"|'[^']*')+/g) ?? [];
  return words.map((word) => word.replace(/"([^"]*)"|'([^']*)'/g, '$1$2'));
}

function toBuild(value: unknown, directory: string): Build | undefined {
  if (value === undefined || value === null) return undefined;
  const fields = typeof value === 'string' ? { context: value } : toFields(value);
  const context = resolve(directory, toText(fields.context) ?? '.');
  const dockerfile = resolve(context, toText(fields.dockerfile) ?? 'Dockerfile');
  return { context, dockerfile, args: toMap(fields.args) };
}

function toText(value: unknown): string | undefined {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
}

function toList(value: unknown, toEach: (each: unknown) => string = String): readonly string[] {
  if (value === undefined || value === null) return [];
  return (Array.isArray(value) ? value : [value]).map(toEach);
}

function toArgv(value: unknown): readonly string[] | undefined {
  if (Array.isArray(value)) return value.map(String);
  const text = toText(value);
  return text === undefined ? undefined : splitWords(text);
}

/** `NAME: value` and `- NAME=value` alike. */
function toMap(value: unknown): Record<string, string> {
  const entries = Array.isArray(value)
    ? value.map((each): [string, unknown] => {
        const text = String(each);
        const equals = text.indexOf('=');
        return equals === -1 ? [text, ''] : [text.slice(0, equals), text.slice(equals + 1)];
      })
    : Object.entries(toFields(value));
  return Object.fromEntries(entries.map(([name, each]) => [name, String(each ?? '')]));
}

function toPortList(fields: Readonly<Record<string, unknown>>): readonly PortSpec[] {
  const published = Array.isArray(fields.ports) ? fields.ports.flatMap(toPorts) : [];
  const exposed = toList(fields.expose).flatMap((text) => toPorts(text));
  return [...published, ...exposed];
}

function toPorts(value: unknown): readonly PortSpec[] {
  const fields = toFields(value);
  if (fields.target !== undefined) {
    const ip = toText(fields.host_ip);
    const published = toText(fields.published);
    return [
      {
        containerPort: Number(fields.target),
        protocol: fields.protocol === 'udp' ? 'udp' : 'tcp',
        ...(published !== undefined && { hostPort: Number(published) }),
        ...(ip !== undefined && { hostIps: [ip] }),
      },
    ];
  }
  const text = String(value);
  const found =
    /^(?:(?:\[([^\]]+)\]|(\d+(?:\.\d+){3})):)?(?:(\d+)(?:-(\d+))?:)?(\d+)(?:-(\d+))?(?:\/(tcp|udp|sctp))?$/;
  const [whole, v6, v4, host, , first, last, protocol = 'tcp'] = found.exec(text) ?? [];
  if (whole === undefined) throw new CommandFailure(`invalid containerPort: ${text}`);
  const ip = v6 ?? v4;
  const count = Number(last ?? first) - Number(first) + 1;
  return Array.from({ length: count }, (_, index) => ({
    containerPort: Number(first) + index,
    // The pattern allows no other.
    protocol: protocol as PortSpec['protocol'],
    ...(host !== undefined && { hostPort: Number(host) + index }),
    ...(ip !== undefined && { hostIps: [ip] }),
  }));
}

function toMountText(value: unknown): string {
  const fields = toFields(value);
  if (fields.target === undefined) return String(value);
  const mode = fields.read_only === true ? ':ro' : '';
  return `${toText(fields.source) ?? 'anonymous'}:${toText(fields.target)}${mode}`;
}

function toMount(text: string, directory: string): MountSpec {
  const [source = '', target = source, mode = ''] = text.split(':');
  const bind = /^[./~]/.test(source);
  return {
    type: bind ? 'bind' : 'volume',
    source: bind ? join(resolve(directory, source)) : source,
    target,
    readOnly: mode.split(',').includes('ro'),
  };
}

function toRestart(value: unknown): Service['restart'] {
  const text = toText(value) ?? 'no';
  if (/^on-failure(:\d+)?$/.test(text)) return text as `on-failure:${number}`;
  if (text === 'always' || text === 'unless-stopped' || text === 'no') return text;
  throw new CommandFailure(`invalid restart policy: unknown policy '${text}'`);
}

function toTest(value: unknown): readonly string[] | undefined {
  const { test } = toFields(value);
  if (Array.isArray(test)) return test.map(String);
  const text = toText(test);
  return text === undefined ? undefined : ['CMD-SHELL', text];
}
