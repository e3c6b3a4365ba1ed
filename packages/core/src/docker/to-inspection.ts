// An engine's inspection as the one that callers see: what is useful of it, and no value of the environment anywhere.

import type { ContainerState } from '../model/container.ts';
import type { ContainerInspection } from '../model/inspection.ts';
import type { ContainerDetails, EnginePort } from './engine-schemas.ts';
import { formatPorts } from './format-ports.ts';
import { environmentSecrets, redact, redactCut } from './redact.ts';
import { toName, toState } from './to-container.ts';
import { toMoment } from './to-moment.ts';

/** Total: whatever the engine leaves out, the result is a valid `ContainerInspection`. Names, image, ids, networks and ports are shown as they are, all other texts without the environment's values. */
export function toInspection(details: ContainerDetails): ContainerInspection {
  const { State, Config, HostConfig } = details;
  const words = environmentSecrets(Config?.Env ?? []);
  const hide = (text: string | null | undefined) => redact(text ?? '', words);
  const state = toDetailedState(details);
  return {
    id: details.Id,
    name: toName([details.Name ?? ''], details.Id),
    image: Config?.Image ?? '',
    imageId: details.Image ?? '',
    state,
    command: toCommand(details).map(hide),
    workingDir: hide(Config?.WorkingDir),
    user: hide(Config?.User),
    tty: Config?.Tty === true,
    createdAt: toMoment(details.Created),
    startedAt: toMoment(State.StartedAt),
    finishedAt: toMoment(State.FinishedAt),
    exitCode: toExitCode(State, state),
    oomKilled: State.OOMKilled === true,
    error: hide(State.Error),
    health: toHealth(details, words),
    restartCount: toCount(details.RestartCount),
    restartPolicy: {
      name: HostConfig?.RestartPolicy?.Name || 'no',
      maximumRetryCount: toCount(HostConfig?.RestartPolicy?.MaximumRetryCount),
    },
    environment: (Config?.Env ?? []).map(toVariableName),
    labels: hideLabels(Config?.Labels ?? {}, hide),
    mounts: toMounts(details, hide),
    networks: toNetworks(details, hide),
    ports: formatPorts(toPorts(details)),
    limits: toLimits(HostConfig),
  };
}

/** A `Running` that is not told by a word. */
function toDetailedState({ State }: ContainerDetails): ContainerState {
  return toState(State.Status ?? '', State.Running === true ? 'Up' : '');
}

type Hide = (text: string | null | undefined) => string;

function toCommand({ Path, Args }: ContainerDetails): string[] {
  return [...(Path ? [Path] : []), ...(Args ?? [])];
}

/** One that never started says 0, and one that could not be started why. */
function toExitCode(
  { ExitCode, StartedAt }: ContainerDetails['State'],
  state: ContainerState,
): number | null {
  if (state === 'running' || state === 'paused') return null;
  const code = ExitCode ?? null;
  return code === 0 && toMoment(StartedAt) === null ? null : code;
}

function toHealth(
  { State, Config }: ContainerDetails,
  words: readonly string[],
): ContainerInspection['health'] {
  const { Health } = State;
  if (!Health?.Status || Health.Status === 'none') return null;
  return {
    status: Health.Status,
    failingStreak: toCount(Health.FailingStreak),
    test: (Config?.Healthcheck?.Test ?? []).map((part) => redact(part, words)),
    checks: (Health.Log ?? []).map(({ Start, ExitCode, Output }) => ({
      at: toMoment(Start),
      exitCode: Math.trunc(ExitCode ?? 0),
      // Docker keeps the first 4 KiB of it, which may end in the middle of a secret.
      output: redactCut(Output ?? '', words),
    })),
  };
}

function toVariableName(entry: string): string {
  return entry.split('=', 1)[0] ?? '';
}

/** Keys that were different stay so: none takes another's place. */
function hideLabels(labels: Readonly<Record<string, string>>, hide: Hide): Record<string, string> {
  const shown = new Map<string, string>();
  for (const [key, value] of Object.entries(labels)) {
    const hidden = hide(key);
    let unique = hidden;
    for (let count = 2; shown.has(unique); count += 1) unique = `${hidden} (${count})`;
    shown.set(unique, hide(value));
  }
  return Object.fromEntries(shown);
}

function toMounts(
  { Mounts, HostConfig }: ContainerDetails,
  hide: Hide,
): ContainerInspection['mounts'] {
  const mounts = (Mounts ?? []).map(({ Type, Name, Source, Destination, RW }) => ({
    type: Type || 'bind',
    ...(Name && { name: hide(Name) }),
    source: hide(Source),
    destination: hide(Destination),
    readOnly: RW === false,
  }));
  // `--tmpfs` is not among the mounts, other than `--mount type=tmpfs`.
  const temporary = Object.entries(HostConfig?.Tmpfs ?? {})
    .map(([destination, options]) => ({
      type: 'tmpfs',
      source: '',
      destination: hide(destination),
      readOnly: options.split(',').includes('ro'),
    }))
    .filter(({ destination }) => mounts.every((mount) => mount.destination !== destination));
  return [...mounts, ...temporary];
}

function toNetworks(
  { Id, Name, NetworkSettings }: ContainerDetails,
  hide: Hide,
): ContainerInspection['networks'] {
  const own = toName([Name ?? ''], Id);
  const isOwn = (alias: string) => alias === own || Id.startsWith(alias);
  return Object.entries(NetworkSettings?.Networks ?? {})
    .map(([name, network]) => ({
      name,
      ipAddress: network?.IPAddress ?? '',
      ipv6Address: network?.GlobalIPv6Address ?? '',
      gateway: network?.Gateway ?? '',
      macAddress: network?.MacAddress ?? '',
      aliases: [...new Set(network?.Aliases)].map((alias) => (isOwn(alias) ? alias : hide(alias))),
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function toPorts({ NetworkSettings }: ContainerDetails): EnginePort[] {
  return Object.entries(NetworkSettings?.Ports ?? {}).flatMap(([key, bindings]) => {
    const [, number = '', protocol = 'tcp'] = /^(\d{1,5})(?:\/(\w+))?$/.exec(key) ?? [];
    if (number === '') return [];
    const port = { PrivatePort: Number(number), Type: protocol };
    const published = (bindings ?? []).map(({ HostIp, HostPort }) => ({
      ...port,
      IP: HostIp || '0.0.0.0', // which Podman writes as nothing
      PublicPort: Number(HostPort ?? 0),
    }));
    return published.length === 0 ? [port] : published;
  });
}

const defaultCpuPeriod = 100_000;

function toLimits(config: ContainerDetails['HostConfig']): ContainerInspection['limits'] {
  const { NanoCpus, CpuQuota, CpuPeriod } = config ?? {};
  const quota = toLimit(CpuQuota);
  return {
    memoryBytes: toLimit(config?.Memory),
    memorySwapBytes: toLimit(config?.MemorySwap),
    cpus: toLimit((NanoCpus ?? 0) / 1e9) ?? toLimit((quota ?? 0) / (CpuPeriod || defaultCpuPeriod)),
    cpuShares: toLimit(config?.CpuShares),
    pids: toLimit(config?.PidsLimit),
  };
}

/** Zero, and what is below it, mean that there is none. */
function toLimit(value: number | null | undefined): number | null {
  return value !== null && value !== undefined && value > 0 ? value : null;
}

function toCount(value: number | null | undefined): number {
  return Math.max(0, Math.trunc(value ?? 0));
}
