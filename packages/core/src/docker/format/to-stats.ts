// An engine's sample of what a container uses, in the numbers of `docker stats`, which people compare with.

import type { ContainerStats } from '../../model/inspection.ts';
import type { EngineStats } from '../engine/schemas.ts';
import { toMoment } from './to-time.ts';
import { toCount } from './to-whole-number.ts';

export interface StatsContext {
  readonly container: string;
  /** For a sample that does not say when it was taken. */
  readonly now: Date;
}

/**
 * Total: what is missing is 0, never `NaN`.
 * Follows `calculateCPUPercentUnix`, `calculateMemUsageUnixNoCache` and `calculateBlockIO` of https://github.com/docker/cli/blob/master/cli/command/container/stats_helpers.go
 */
export function toStats(stats: EngineStats, { container, now }: StatsContext): ContainerStats {
  const traffic = Object.values(stats.networks ?? {});
  return {
    container,
    readAt: toMoment(stats.read) ?? now.toISOString(),
    cpuPercent: toCpuPercent(stats),
    memoryBytes: toMemoryBytes(stats),
    memoryLimitBytes: toCount(stats.memory_stats?.limit),
    networkRxBytes: sum(traffic.map((network) => network?.rx_bytes)),
    networkTxBytes: sum(traffic.map((network) => network?.tx_bytes)),
    blockReadBytes: sumBlockBytes(stats, 'r'),
    blockWriteBytes: sumBlockBytes(stats, 'w'),
    pids: toCount(stats.pids_stats?.current),
  };
}

/** True for one sample alone, as Podman gives it: it cannot show the present CPU use. */
export function isLoneSample({ cpu_stats: cpu, precpu_stats: before }: EngineStats): boolean {
  const hasBefore = before?.system_cpu_usage || before?.cpu_usage?.total_usage;
  return (cpu?.cpu_usage?.total_usage ?? 0) > 0 && !hasBefore;
}

/** Of two samples on their own, by the time between them: their own times, else `passedMs`. Podman's `system_cpu_usage` is what was used, not what there was. */
export function toCpuPercentOf(first: EngineStats, second: EngineStats, passedMs: number): number {
  const usedNanos =
    (second.cpu_stats?.cpu_usage?.total_usage ?? 0) -
    (first.cpu_stats?.cpu_usage?.total_usage ?? 0);
  const betweenMs = Date.parse(second.read ?? '') - Date.parse(first.read ?? '');
  const spanMs = betweenMs > 0 ? betweenMs : passedMs;
  return toPercent(usedNanos / (spanMs * 1e6));
}

function toCpuPercent({ cpu_stats: cpu, precpu_stats: before }: EngineStats): number {
  const used = (cpu?.cpu_usage?.total_usage ?? 0) - (before?.cpu_usage?.total_usage ?? 0);
  const passed = (cpu?.system_cpu_usage ?? 0) - (before?.system_cpu_usage ?? 0);
  const cpus = cpu?.online_cpus || (cpu?.cpu_usage?.percpu_usage?.length ?? 0);
  return used <= 0 || passed <= 0 ? 0 : toPercent((used / passed) * cpus);
}

/** To the hundredth; 0 for what is no share. */
function toPercent(share: number): number {
  const percent = Math.round(share * 100 * 100) / 100;
  return percent > 0 && Number.isFinite(percent) ? percent : 0;
}

/** Without the page cache that can be given back: cgroup v1 calls it `total_inactive_file`, v2 `inactive_file`. */
function toMemoryBytes({ memory_stats: memory }: EngineStats): number {
  const usage = memory?.usage ?? 0;
  const { total_inactive_file: first, inactive_file: second = 0 } = memory?.stats ?? {};
  const cache = first !== undefined && first < usage ? first : second;
  return toCount(cache < usage ? usage - cache : usage);
}

function sumBlockBytes({ blkio_stats: blocks }: EngineStats, operation: 'r' | 'w'): number {
  const entries = blocks?.io_service_bytes_recursive ?? [];
  return sum(
    entries.filter(({ op }) => op?.charAt(0).toLowerCase() === operation).map(({ value }) => value),
  );
}

function sum(values: readonly (number | null | undefined)[]): number {
  return toCount(values.reduce<number>((total, value) => total + (value ?? 0), 0));
}
