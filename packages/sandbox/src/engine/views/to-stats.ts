// A container's resource use as GET /containers/{id}/stats shows it, on a machine of four cores and cgroup v2.

import { type SandboxContainer, toBusySeconds } from '../container.ts';
import { formatTime, type NanoTime } from '../logs/nano-time.ts';

type Json = Readonly<Record<string, unknown>>;

export const machine = { cpus: 4, memoryBytes: 25_199_968_256 } as const;

/** One sample; `before` is the time of the earlier sample that CPU percentages need, if there was one. */
export function toStats(
  container: SandboxContainer,
  { now, before }: { readonly now: NanoTime; readonly before: NanoTime | undefined },
): Json {
  const name = { name: `/${container.name}`, id: container.id };
  if (container.status !== 'running' && container.status !== 'paused') {
    return {
      ...name,
      read: formatTime(0n),
      preread: formatTime(0n),
      pids_stats: {},
      blkio_stats: emptyBlkio,
      num_procs: 0,
      storage_stats: {},
      cpu_stats: noCpu,
      precpu_stats: noCpu,
      memory_stats: {},
    };
  }
  const seed = Number.parseInt(container.id.slice(0, 6), 16) / 0xffffff;
  const upSeconds = Number(now - container.startedAt) / 1e9;
  // A slow wave, so that two samples differ and none goes back.
  const busySeconds =
    upSeconds * (0.002 + 0.01 * seed) +
    0.01 * (1 - Math.cos(upSeconds / 30)) +
    toBusySeconds(container, now);
  const memory = Math.round(
    (12 + 180 * seed) * 1_048_576 * (1 + 0.05 * Math.sin(upSeconds / 60 + seed)),
  );
  const cacheBytes = Math.round(memory * 0.2);
  return {
    ...name,
    read: formatTime(now),
    preread: formatTime(before ?? 0n),
    pids_stats: { current: 2 + Math.round(seed * 12), limit: 28_706 },
    blkio_stats: {
      ...emptyBlkio,
      io_service_bytes_recursive: [
        { major: 259, minor: 0, op: 'read', value: 4_096 * Math.round(2_000 * seed + 100) },
        { major: 259, minor: 0, op: 'write', value: 4_096 * Math.round(upSeconds * seed) },
      ],
    },
    num_procs: 0,
    storage_stats: {},
    cpu_stats: toCpu(busySeconds, now),
    precpu_stats:
      before === undefined ? noCpu : toCpu(busySeconds * (1 - 1 / (upSeconds + 2)), before),
    memory_stats: {
      usage: memory + cacheBytes,
      stats: { active_file: 0, anon: memory, file: cacheBytes, inactive_file: cacheBytes },
      limit: container.spec.memoryLimitBytes || machine.memoryBytes,
    },
    networks: {
      eth0: {
        rx_bytes: Math.round(upSeconds * (200 + 900 * seed)),
        rx_packets: Math.round(upSeconds * 2),
        rx_errors: 0,
        rx_dropped: 0,
        tx_bytes: Math.round(upSeconds * (400 + 4_000 * seed)),
        tx_packets: Math.round(upSeconds * 3),
        tx_errors: 0,
        tx_dropped: 0,
      },
    },
  };
}

const emptyBlkio = {
  io_service_bytes_recursive: null,
  io_serviced_recursive: null,
  io_queue_recursive: null,
  io_service_time_recursive: null,
  io_wait_time_recursive: null,
  io_merged_recursive: null,
  io_time_recursive: null,
  sectors_recursive: null,
};

const noCpu = {
  cpu_usage: { total_usage: 0, usage_in_kernelmode: 0, usage_in_usermode: 0 },
  throttling_data: { periods: 0, throttled_periods: 0, throttled_time: 0 },
};

function toCpu(busySeconds: number, at: NanoTime): Json {
  const total = Math.round(busySeconds * 1e9);
  return {
    cpu_usage: {
      total_usage: total,
      usage_in_kernelmode: Math.round(total * 0.3),
      usage_in_usermode: Math.round(total * 0.7),
    },
    // Counts from some boot of the machine: only differences mean anything.
    system_cpu_usage: Number(at % 1_000_000_000_000_000n) * machine.cpus,
    online_cpus: machine.cpus,
    throttling_data: noCpu.throttling_data,
  };
}
