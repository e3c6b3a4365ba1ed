// An engine's inspection as the one that callers see: what is useful of it, and no value of the environment anywhere.

import type { ContainerState } from '../../model/container.ts';
import type { ContainerInspection } from '../../model/inspection.ts';
import type { ContainerDetails, EnginePort } from '../engine/schemas.ts';
import { createEnvironmentHiding, type EnvironmentHiding } from '../redact.ts';
import { formatPorts } from './ports.ts';
import { toName, toState } from './to-container.ts';
import { toMoment } from './to-time.ts';
import { toCount, toWhole } from './to-whole-number.ts';

/** Total: whatever the engine leaves out, the result is a valid `ContainerInspection`. Names, image, ids, networks and ports are shown as they are, all other texts without the environment's values. */
export async function toInspection(details: ContainerDetails): Promise<ContainerInspection> {
  const { State, Config, HostConfig } = details;
  const hiding = await createEnvironmentHiding(details);
  const { hide, hideAll } = hiding;
  const state = toDetailedState(details);
  return {
    id: details.Id,
    name: toName([details.Name ?? ''], details.Id),
    image: Config?.Image ?? '',
    imageId: details.Image ?? '',
    state,
    command: await hideAll(toCommand(details)),
    workingDir: await hide(Config?.WorkingDir),
    user: await hide(Config?.User),
    tty: Config?.Tty === true,
    createdAt: toMoment(details.Created),
    startedAt: toMoment(State.StartedAt),
    finishedAt: toMoment(State.FinishedAt),
    exitCode: toExitCode(State, state),
    oomKilled: State.OOMKilled === true,
    error: await hide(State.Error),
    health: await toHealth(details, hiding),
    restartCount: toCount(details.RestartCount),
    restartPolicy: {
      name: HostConfig?.RestartPolicy?.Name || 'no',
      maximumRetryCount: toCount(HostConfig?.RestartPolicy?.MaximumRetryCount),
    },
    environment: (Config?.Env ?? []).map(toVariableName),
    labels: await hideLabels(Config?.Labels ?? {}, hide),
    mounts: await toMounts(details, hide),
    networks: await toNetworks(details, hide),
    ports: formatPorts(toPorts(details)),
    limits: toLimits(HostConfig),
  };
}

/** A `Running` that is not told by a word. */
function toDetailedState({ State }: ContainerDetails): ContainerState {
  return toState(State.Status ?? '', State.Running === true ? 'Up' : '');
}

type Hide = EnvironmentHiding['hide'];

function toCommand({ Path, Args }: ContainerDetails): string[] {
  return [...(Path ? [Path] : []), ...(Args ?? [])];
}

/** One that never started says 0, and one that could not be started why. */
function toExitCode(
  { ExitCode, StartedAt }: ContainerDetails['State'],
  state: ContainerState,
): number | null {
  if (state === 'running' || state === 'paused') return null;
  const code = typeof ExitCode === 'number' ? toWhole(ExitCode) : null;
  return code === 0 && toMoment(StartedAt) === null ? null : code;
}

async function toHealth(
  { State, Config }: ContainerDetails,
  { hideAll, hideCut }: EnvironmentHiding,
): Promise<ContainerInspection['health']> {
  const { Health } = State;
  if (!Health?.Status || Health.Status === 'none') return null;
  return {
    status: Health.Status,
    failingStreak: toCount(Health.FailingStreak),
    test: await hideAll(Config?.Healthcheck?.Test),
    checks: await Promise.all(
      (Health.Log ?? []).map(async ({ Start, ExitCode, Output }) => ({
        at: toMoment(Start),
        exitCode: toWhole(ExitCode),
        // Docker keeps the first 4 KiB of it, which may end in the middle of a secret.
        output: await hideCut(Output ?? ''),
      })),
    ),
  };
}

function toVariableName(entry: string): string {
  return entry.split('=', 1)[0] ?? '';
}

/** Keys that were different stay different: none overwrites another. */
async function hideLabels(
  labels: Readonly<Record<string, string>>,
  hide: Hide,
): Promise<Record<string, string>> {
  const shown = new Map<string, string>();
  const counts = new Map<string, number>();
  for (const [key, value] of Object.entries(labels)) {
    const hidden = await hide(key);
    let count = counts.get(hidden) ?? 1;
    let unique = hidden;
    for (; shown.has(unique); unique = `${hidden} (${count})`) count += 1;
    counts.set(hidden, count);
    shown.set(unique, await hide(value));
  }
  return Object.fromEntries(shown);
}

async function toMounts(
  { Mounts, HostConfig }: ContainerDetails,
  hide: Hide,
): Promise<ContainerInspection['mounts']> {
  const mounts: ContainerInspection['mounts'] = [];
  for (const { Type, Name, Source, Destination, RW } of Mounts ?? [])
    mounts.push({
      type: Type || 'bind',
      ...(Name && { name: await hide(Name) }),
      source: await hide(Source),
      destination: await hide(Destination),
      readOnly: RW === false,
    });
  // `--tmpfs` is not among the mounts, other than `--mount type=tmpfs`.
  const known = new Set(mounts.map(({ destination }) => destination));
  for (const [path, options] of Object.entries(HostConfig?.Tmpfs ?? {})) {
    const destination = await hide(path);
    if (known.has(destination)) continue;
    const readOnly = options.split(',').includes('ro');
    mounts.push({ type: 'tmpfs', source: '', destination, readOnly });
  }
  return mounts;
}

async function toNetworks(
  { Id, Name, NetworkSettings }: ContainerDetails,
  hide: Hide,
): Promise<ContainerInspection['networks']> {
  const own = toName([Name ?? ''], Id);
  const isOwn = (alias: string) => alias === own || Id.startsWith(alias);
  const networks: ContainerInspection['networks'] = [];
  for (const [name, network] of Object.entries(NetworkSettings?.Networks ?? {})) {
    const aliases: string[] = [];
    for (const alias of new Set(network?.Aliases))
      aliases.push(isOwn(alias) ? alias : await hide(alias));
    networks.push({
      name,
      ipAddress: network?.IPAddress ?? '',
      ipv6Address: network?.GlobalIPv6Address ?? '',
      gateway: network?.Gateway ?? '',
      macAddress: network?.MacAddress ?? '',
      aliases,
    });
  }
  return networks.sort((a, b) => (a.name < b.name ? -1 : 1));
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
  return Number.isFinite(value) && Number(value) > 0 ? Number(value) : null;
}
