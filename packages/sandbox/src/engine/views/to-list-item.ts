// A container as GET /containers/json shows it.

import { createHash } from 'node:crypto';
import { isActive, type PortSpec, type SandboxContainer } from '../container.ts';
import { type NanoTime, nanosToSeconds } from '../logs/nano-time.ts';
import { toStatusText } from './status-text.ts';

export interface PortBinding {
  readonly IP?: string;
  readonly PrivatePort: number;
  readonly PublicPort?: number;
  readonly Type: string;
}

/** The list's view, sizes only when asked for. */
export function toListItem(
  container: SandboxContainer,
  { now, size }: { readonly now: NanoTime; readonly size: boolean },
): Readonly<Record<string, unknown>> {
  const { spec } = container;
  return {
    Id: container.id,
    Names: [...spec.linkNames, `/${container.name}`],
    Image: spec.image,
    ImageID: spec.imageId,
    Command: toCommandText([...spec.entrypoint, ...spec.command]),
    Created: nanosToSeconds(container.createdAt),
    Ports: toPorts(container),
    ...(size && { SizeRw: 1_093, SizeRootFs: 48_234_112 }),
    Labels: spec.labels,
    State: container.status,
    Status: toStatusText(container, now),
    HostConfig: { NetworkMode: spec.network },
    NetworkSettings: { Networks: { [spec.network]: toNetwork(container) } },
    Mounts: toMounts(container),
  };
}

/** What is bound while the container runs; nothing otherwise. */
export function toPorts({ spec, status }: SandboxContainer): readonly PortBinding[] {
  if (status !== 'running' && status !== 'paused') return [];
  return spec.ports.flatMap((port): PortBinding[] => {
    const common = { PrivatePort: port.containerPort, Type: port.protocol };
    const { hostPort } = port;
    if (hostPort === undefined) return [common];
    return hostIpsOf(port).map((ip) => ({ IP: ip, ...common, PublicPort: hostPort }));
  });
}

export function hostIpsOf(port: PortSpec): readonly string[] {
  return port.hostIps ?? ['0.0.0.0', '::'];
}

/** The endpoint in the container's one network, without addresses while it does not run. */
export function toNetwork(container: SandboxContainer): Readonly<Record<string, unknown>> {
  const up = isActive(container.status) && container.status !== 'restarting';
  const host = 2 + (Number.parseInt(container.id.slice(0, 4), 16) % 250);
  const service = container.spec.labels['com.docker.compose.service'];
  const names = service === undefined ? null : [container.name, service];
  return {
    IPAMConfig: null,
    Links: null,
    Aliases: names,
    MacAddress: up ? `02:42:ac:12:00:${host.toString(16).padStart(2, '0')}` : '',
    DriverOpts: null,
    GwPriority: 0,
    NetworkID: networkIdOf(container),
    EndpointID: up ? digest(`endpoint ${container.id}`) : '',
    Gateway: up ? '172.18.0.1' : '',
    IPAddress: up ? `172.18.0.${host}` : '',
    IPPrefixLen: up ? 16 : 0,
    IPv6Gateway: '',
    GlobalIPv6Address: '',
    GlobalIPv6PrefixLen: 0,
    DNSNames: names === null ? null : [...names, container.id.slice(0, 12)],
  };
}

export function networkIdOf({ spec }: SandboxContainer): string {
  return digest(`network ${spec.network}`);
}

export function toMounts({ spec }: SandboxContainer): readonly Readonly<Record<string, unknown>>[] {
  return spec.mounts.map((mount) => ({
    Type: mount.type,
    ...(mount.type === 'volume' && { Name: mount.source, Driver: 'local' }),
    Source:
      mount.type === 'volume' ? `/var/lib/docker/volumes/${mount.source}/_data` : mount.source,
    Destination: mount.target,
    Mode: mount.readOnly ? 'ro' : mount.type === 'volume' ? 'z' : 'rw',
    RW: !mount.readOnly,
    Propagation: mount.type === 'bind' ? 'rprivate' : '',
  }));
}

/** The COMMAND column before it is cut: words with spaces in quotes. */
export function toCommandText(argv: readonly string[]): string {
  return argv.map((word) => (/\s/.test(word) ? `'${word}'` : word)).join(' ');
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
