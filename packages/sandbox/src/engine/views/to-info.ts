// What the engine says of itself: GET /version and GET /info.

import type { SandboxContainer } from '../container.ts';
import { formatTime, type NanoTime } from '../logs/nano-time.ts';
import { machine } from './to-stats.ts';

type Json = Readonly<Record<string, unknown>>;

/** What the engine claims to be; a test may set all of it while the engine runs. */
export interface EngineVersion {
  /** Newest version of the API, e.g. `1.51`. */
  api: string;
  /** Oldest version of the API, e.g. `1.24`. */
  minApi: string;
  /** e.g. `28.3.3`. */
  engine: string;
}

export function toVersion(version: EngineVersion): Json {
  const own = {
    ApiVersion: version.api,
    MinAPIVersion: version.minApi,
    GitCommit: 'bea959c',
    GoVersion: 'go1.24.5',
    Os: 'linux',
    Arch: 'arm64',
    KernelVersion: '6.12.0-100.28.2.el9uek.aarch64',
    BuildTime: '2025-07-25T11:34:09.000000000+00:00',
  };
  return {
    Platform: { Name: 'Docker Engine - Community' },
    Version: version.engine,
    ...own,
    Components: [
      { Name: 'Engine', Version: version.engine, Details: { ...own, Experimental: 'false' } },
      { Name: 'containerd', Version: '1.7.27', Details: { GitCommit: '05044ec' } },
      { Name: 'runc', Version: '1.2.5', Details: { GitCommit: 'v1.2.5-0-g59923ef' } },
      { Name: 'docker-init', Version: '0.19.0', Details: { GitCommit: 'de40ad0' } },
    ],
  };
}

export function toInfo(
  containers: readonly SandboxContainer[],
  { version, now }: { readonly version: EngineVersion; readonly now: NanoTime },
): Json {
  const count = (...states: readonly string[]): number =>
    containers.filter((container) => states.includes(container.status)).length;
  return {
    ID: '2a0d3f0e-5d1c-4a47-9d8c-0d6f6b1f6a52',
    Containers: containers.length,
    ContainersRunning: count('running', 'restarting'),
    ContainersPaused: count('paused'),
    ContainersStopped: count('exited', 'created', 'dead', 'removing'),
    Images: new Set(containers.map((container) => container.spec.imageId)).size,
    Driver: 'overlay2',
    DriverStatus: [['Backing Filesystem', 'xfs']],
    Plugins: { Volume: ['local'], Network: ['bridge', 'host', 'null'], Log: ['json-file'] },
    MemoryLimit: true,
    SwapLimit: true,
    CpuCfsPeriod: true,
    CpuCfsQuota: true,
    CPUShares: true,
    CPUSet: true,
    PidsLimit: true,
    IPv4Forwarding: true,
    Debug: false,
    NFd: 40,
    NGoroutines: 70,
    SystemTime: formatTime(now),
    LoggingDriver: 'json-file',
    CgroupDriver: 'systemd',
    CgroupVersion: '2',
    NEventsListener: 0,
    KernelVersion: '6.12.0-100.28.2.el9uek.aarch64',
    OperatingSystem: 'Oracle Linux Server 9.6',
    OSVersion: '9.6',
    OSType: 'linux',
    Architecture: 'aarch64',
    IndexServerAddress: 'https://index.docker.io/v1/',
    RegistryConfig: { IndexConfigs: {}, InsecureRegistryCIDRs: [], Mirrors: null },
    NCPU: machine.cpus,
    MemTotal: machine.memoryBytes,
    GenericResources: null,
    DockerRootDir: '/var/lib/docker',
    HttpProxy: '',
    HttpsProxy: '',
    NoProxy: '',
    Name: 'oci-flex',
    Labels: [],
    ExperimentalBuild: false,
    ServerVersion: version.engine,
    Runtimes: { runc: { path: 'runc' } },
    DefaultRuntime: 'runc',
    Swarm: { NodeID: '', NodeAddr: '', LocalNodeState: 'inactive', ControlAvailable: false },
    LiveRestoreEnabled: false,
    Isolation: '',
    InitBinary: 'docker-init',
    ContainerdCommit: { ID: '05044ec' },
    RuncCommit: { ID: 'v1.2.5-0-g59923ef' },
    InitCommit: { ID: 'de40ad0' },
    SecurityOptions: ['name=seccomp,profile=builtin', 'name=cgroupns'],
    Warnings: null,
  };
}
