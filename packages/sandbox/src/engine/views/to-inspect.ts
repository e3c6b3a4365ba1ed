// A container as GET /containers/{id}/json shows it.

import { isActive, type SandboxContainer } from '../container.ts';
import { formatTime, millisToNanos, type NanoTime } from '../logs/nano-time.ts';
import { hostIpsOf, toMounts, toNetwork } from './to-list-item.ts';

type Json = Readonly<Record<string, unknown>>;

/** The whole view, with the fields and defaults of an engine of today. */
export function toInspect(
  container: SandboxContainer,
  { now, size }: { readonly now: NanoTime; readonly size: boolean },
): Json {
  const { spec, id } = container;
  const [path = '', ...args] = [...spec.entrypoint, ...spec.command];
  const folder = `/var/lib/docker/containers/${id}`;
  return {
    Id: id,
    Created: formatTime(container.createdAt),
    Path: path,
    Args: args,
    State: toState(container, now),
    Image: spec.imageId,
    ResolvConfPath: `${folder}/resolv.conf`,
    HostnamePath: `${folder}/hostname`,
    HostsPath: `${folder}/hosts`,
    LogPath: `${folder}/${id}-json.log`,
    Name: `/${container.name}`,
    RestartCount: container.restartCount,
    Driver: 'overlay2',
    Platform: 'linux',
    MountLabel: '',
    ProcessLabel: '',
    AppArmorProfile: 'docker-default',
    ExecIDs: null,
    HostConfig: toHostConfig(container),
    GraphDriver: { Data: { ID: id }, Name: 'overlay2' },
    ...(size && { SizeRw: 1_093, SizeRootFs: 48_234_112 }),
    Mounts: toMounts(container),
    Config: toConfig(container),
    NetworkSettings: toNetworkSettings(container),
  };
}

function toState(container: SandboxContainer, now: NanoTime): Json {
  const { status, health } = container;
  const check = {
    Start: formatTime(now - millisToNanos(3_045)),
    End: formatTime(now - millisToNanos(3_000)),
  };
  return {
    Status: status,
    Running: isActive(status),
    Paused: status === 'paused',
    Restarting: status === 'restarting',
    OOMKilled: false,
    Dead: status === 'dead',
    Pid: status === 'restarting' ? 0 : container.pid,
    ExitCode: container.exitCode,
    Error: container.error,
    StartedAt: formatTime(container.startedAt),
    FinishedAt: formatTime(container.finishedAt),
    ...(health !== undefined && {
      Health: {
        Status: health,
        FailingStreak: health === 'unhealthy' ? 3 : 0,
        Log:
          health === 'starting'
            ? []
            : [
                {
                  ...check,
                  ExitCode: health === 'healthy' ? 0 : 1,
                  Output: health === 'healthy' ? 'ok' : 'wget: connection refused\n',
                },
              ],
      },
    }),
  };
}

function toHostConfig({ spec }: SandboxContainer): Json {
  const bindings = spec.ports.flatMap((port) => {
    if (port.hostPort === undefined) return [];
    const ips = port.hostIps ?? [''];
    const entries = ips.map((ip) => ({ HostIp: ip, HostPort: String(port.hostPort) }));
    return [[`${port.containerPort}/${port.protocol}`, entries] as const];
  });
  return {
    Binds: spec.mounts
      .filter((mount) => mount.type !== 'tmpfs')
      .map((mount) => `${mount.source}:${mount.target}:${mount.readOnly ? 'ro' : 'rw'}`),
    ContainerIDFile: '',
    LogConfig: { Type: 'json-file', Config: {} },
    NetworkMode: spec.network,
    PortBindings: Object.fromEntries(bindings),
    RestartPolicy: {
      Name: spec.restart.name,
      MaximumRetryCount: spec.restart.maximumRetryCount,
    },
    AutoRemove: false,
    VolumeDriver: '',
    VolumesFrom: null,
    ConsoleSize: [0, 0],
    CapAdd: null,
    CapDrop: null,
    CgroupnsMode: 'private',
    Dns: [],
    DnsOptions: [],
    DnsSearch: [],
    ExtraHosts: [],
    GroupAdd: null,
    IpcMode: 'private',
    Cgroup: '',
    Links: null,
    OomScoreAdj: 0,
    PidMode: '',
    Privileged: false,
    PublishAllPorts: false,
    ReadonlyRootfs: false,
    SecurityOpt: null,
    UTSMode: '',
    UsernsMode: '',
    ShmSize: 67_108_864,
    Runtime: 'runc',
    Isolation: '',
    CpuShares: 0,
    Memory: spec.memoryLimitBytes,
    NanoCpus: 0,
    CgroupParent: '',
    CpuPeriod: 0,
    CpuQuota: 0,
    CpusetCpus: '',
    CpusetMems: '',
    Devices: null,
    MemoryReservation: 0,
    MemorySwap: spec.memoryLimitBytes * 2,
    MemorySwappiness: null,
    OomKillDisable: null,
    PidsLimit: null,
    Ulimits: null,
  };
}

function toConfig(container: SandboxContainer): Json {
  const { spec } = container;
  const exposed = spec.ports.map((port) => [`${port.containerPort}/${port.protocol}`, {}] as const);
  return {
    Hostname: container.id.slice(0, 12),
    Domainname: '',
    User: '',
    AttachStdin: false,
    AttachStdout: false,
    AttachStderr: false,
    ...(exposed.length > 0 && { ExposedPorts: Object.fromEntries(exposed) }),
    Tty: spec.tty,
    OpenStdin: spec.tty,
    StdinOnce: false,
    Env: spec.env,
    Cmd: spec.command,
    ...(spec.healthcheck && {
      Healthcheck: { Test: spec.healthcheck, Interval: 30_000_000_000, Timeout: 5_000_000_000 },
    }),
    Image: spec.image,
    Volumes: null,
    WorkingDir: '',
    Entrypoint: spec.entrypoint.length > 0 ? spec.entrypoint : null,
    OnBuild: null,
    Labels: spec.labels,
    StopSignal: spec.stopSignal,
  };
}

function toNetworkSettings(container: SandboxContainer): Json {
  const { spec, status } = container;
  const up = status === 'running' || status === 'paused';
  const ports = spec.ports.map((port) => {
    const bound = hostIpsOf(port).map((ip) => ({ HostIp: ip, HostPort: String(port.hostPort) }));
    return [
      `${port.containerPort}/${port.protocol}`,
      port.hostPort === undefined ? null : bound,
    ] as const;
  });
  const network = toNetwork(container);
  return {
    Bridge: '',
    SandboxID: up ? container.id : '',
    SandboxKey: up ? `/var/run/docker/netns/${container.id.slice(0, 12)}` : '',
    Ports: up ? Object.fromEntries(ports) : {},
    EndpointID: network.EndpointID,
    Gateway: network.Gateway,
    IPAddress: network.IPAddress,
    IPPrefixLen: network.IPPrefixLen,
    IPv6Gateway: '',
    GlobalIPv6Address: '',
    GlobalIPv6PrefixLen: 0,
    MacAddress: network.MacAddress,
    Networks: { [spec.network]: network },
  };
}
