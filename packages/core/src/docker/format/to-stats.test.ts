// The numbers of `docker stats`, from samples as engines give them.

import { expect, test } from 'vitest';
import { containerStatsSchema } from '../../model/inspection.ts';
import type { EngineAnswer } from '../engine/http-request.ts';
import { statsSchema } from '../engine/schemas.ts';
import { createEngineStats } from '../engine/stats.ts';
import { isLoneSample, toCpuPercentOf, toStats } from './to-stats.ts';

const context = { container: 'web', now: new Date('2026-02-08T10:00:00Z') };
const zeros = {
  container: 'web',
  readAt: '2026-02-08T10:00:00.000Z',
  cpuPercent: 0,
  memoryBytes: 0,
  memoryLimitBytes: 0,
  networkRxBytes: 0,
  networkTxBytes: 0,
  blockReadBytes: 0,
  blockWriteBytes: 0,
  pids: 0,
};

function convert(answer: unknown) {
  return containerStatsSchema.parse(toStats(statsSchema.parse(answer), context));
}

test('a sample of a running container on cgroup v2', () => {
  expect(
    convert({
      read: '2026-02-08T10:15:30.123456789Z',
      cpu_stats: {
        cpu_usage: { total_usage: 3_000_000_000 },
        system_cpu_usage: 900_000_000_000,
        online_cpus: 4,
      },
      precpu_stats: {
        cpu_usage: { total_usage: 2_500_000_000 },
        system_cpu_usage: 896_000_000_000,
      },
      memory_stats: {
        usage: 50_000_000,
        limit: 1_000_000_000,
        stats: { inactive_file: 10_000_000, file: 20_000_000 },
      },
      networks: { eth0: { rx_bytes: 10, tx_bytes: 20 }, eth1: { rx_bytes: 1, tx_bytes: 2 } },
      blkio_stats: {
        io_service_bytes_recursive: [
          { major: 8, minor: 0, op: 'read', value: 100 },
          { major: 8, minor: 0, op: 'Write', value: 200 },
          { major: 8, minor: 16, op: 'Read', value: 1 },
          { major: 8, minor: 16, op: 'Total', value: 999 },
        ],
      },
      pids_stats: { current: 7, limit: 100 },
    }),
  ).toEqual({
    container: 'web',
    readAt: '2026-02-08T10:15:30.123Z',
    cpuPercent: 50,
    memoryBytes: 40_000_000,
    memoryLimitBytes: 1_000_000_000,
    networkRxBytes: 11,
    networkTxBytes: 22,
    blockReadBytes: 101,
    blockWriteBytes: 200,
    pids: 7,
  });
});

const busy = {
  cpu_stats: {
    cpu_usage: { total_usage: 200, percpu_usage: [1, 1, 1] },
    system_cpu_usage: 1000,
  },
  precpu_stats: { cpu_usage: { total_usage: 100 }, system_cpu_usage: 500 },
};

test.each([
  ['counts the CPUs where their number is not given', busy, { cpuPercent: 60 }],
  [
    'takes the inactive files of cgroup v1',
    { memory_stats: { usage: 100, stats: { total_inactive_file: 30, inactive_file: 5 } } },
    { memoryBytes: 70 },
  ],
  [
    'takes no more cache than there is memory',
    { memory_stats: { usage: 100, stats: { inactive_file: 130 } } },
    { memoryBytes: 100 },
  ],
  ['counts no CPU that ran backwards', { ...busy, cpu_stats: {} }, { cpuPercent: 0 }],
  [
    'keeps a limit without end a number',
    { memory_stats: { limit: 2 ** 63 } },
    { memoryLimitBytes: Number.MAX_SAFE_INTEGER },
  ],
  [
    'begins a sample with nothing before it at zero',
    { ...busy, precpu_stats: undefined },
    { cpuPercent: 60 },
  ],
])('%s', (_name, answer, numbers) => {
  expect(convert(answer)).toEqual({ ...zeros, ...numbers });
});

test.each([
  ['nothing at all', {}],
  [
    'what Docker says of a stopped one',
    {
      read: '0001-01-01T00:00:00Z',
      preread: '0001-01-01T00:00:00Z',
      pids_stats: {},
      blkio_stats: { io_service_bytes_recursive: null },
      num_procs: 0,
      storage_stats: {},
      cpu_stats: { cpu_usage: { total_usage: 0, usage_in_kernelmode: 0 }, throttling_data: {} },
      precpu_stats: { cpu_usage: { total_usage: 0 } },
      memory_stats: {},
      name: '/web',
    },
  ],
  [
    'nulls',
    {
      read: null,
      cpu_stats: null,
      precpu_stats: null,
      memory_stats: { usage: null, limit: null, stats: null },
      networks: { eth0: null },
      blkio_stats: { io_service_bytes_recursive: [{ op: null, value: null }] },
      pids_stats: null,
    },
  ],
])('is zeros for %s', (_name, answer) => {
  expect(convert(answer)).toEqual(zeros);
});

/** As Podman answers: the sample before is all zeros, and `system_cpu_usage` is what was used. */
const podmanSample = (second: number, usedNanos: number) => ({
  read: new Date(Date.parse('2026-02-08T10:00:00Z') + second * 1000).toISOString(),
  cpu_stats: {
    cpu_usage: { total_usage: usedNanos },
    system_cpu_usage: 700_000_000_000 + usedNanos,
    online_cpus: 2,
  },
  precpu_stats: { cpu_usage: { total_usage: 0 }, system_cpu_usage: 0, online_cpus: 0 },
});

test('an engine that gives one sample alone is asked for a second, so that a busy core is 100 percent', async () => {
  const samples = [podmanSample(0, 5_000_000_000), podmanSample(1, 6_000_000_000)];
  const waits: number[] = [];
  const readStats = createEngineStats({
    reads: {
      inspect: async () => ({ Id: 'a', Name: '/web', State: { Running: true } }),
      ask: async (): Promise<EngineAnswer> => ({
        status: 200,
        headers: {},
        body: Buffer.from(JSON.stringify(samples.shift())),
      }),
    },
    clock: { now: () => new Date(), elapsedMs: () => 0 },
    wait: async (ms) => void waits.push(ms),
  });
  expect(await readStats('a', {})).toMatchObject({ container: 'web', cpuPercent: 100 });
  expect([samples, waits]).toEqual([[], [1000]]);
});

test('a sample that has one before it is enough', () => {
  const lone = podmanSample(0, 1);
  const whole = { ...lone, precpu_stats: { system_cpu_usage: 1 } };
  expect([lone, whole, {}].map((each) => isLoneSample(statsSchema.parse(each)))).toEqual([
    true,
    false,
    false,
  ]);
});

test('two samples without times are as far apart as they were asked for', () => {
  const [first, second] = [0, 500_000_000].map((used) =>
    statsSchema.parse({ cpu_stats: { cpu_usage: { total_usage: used } } }),
  );
  if (first === undefined || second === undefined) throw new Error('two samples');
  expect(toCpuPercentOf(first, second, 1000)).toBe(50);
  expect(toCpuPercentOf(second, first, 1000)).toBe(0);
  expect(toCpuPercentOf(first, second, 0)).toBe(0);
});

test('a share that is none, or less than nothing, is 0', () => {
  const before = { cpu_usage: { total_usage: 1 }, system_cpu_usage: 1 };
  for (const [total_usage, online_cpus] of [
    [1e300, 1e300],
    [5, -2],
  ])
    expect(
      convert({
        cpu_stats: { cpu_usage: { total_usage }, system_cpu_usage: 2, online_cpus },
        precpu_stats: before,
      }).cpuPercent,
    ).toBe(0);
});
