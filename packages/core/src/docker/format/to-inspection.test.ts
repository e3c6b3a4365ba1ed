// Inspections as engines give them, in full and with next to nothing in them.

import { expect, test } from 'vitest';
import { containerInspectionSchema } from '../../model/inspection.ts';
import { containerDetailsSchema } from '../engine/schemas.ts';
import { toInspection } from './to-inspection.ts';

const id = `${'c0ffee'.repeat(10)}beef`;

async function convert(answer: object) {
  const details = containerDetailsSchema.parse({ Id: id, State: {}, ...answer });
  return containerInspectionSchema.parse(await toInspection(details));
}

test('shows what is useful of a container', async () => {
  expect(
    await convert({
      Name: '/web',
      Created: '2026-02-08T10:00:00.123456789Z',
      Image: 'sha256:abc',
      Path: '/entry.sh',
      Args: ['nginx', '-g', 'daemon off;'],
      RestartCount: 2,
      State: {
        Status: 'running',
        Running: true,
        Paused: false,
        OOMKilled: false,
        Dead: false,
        ExitCode: 0,
        Error: '',
        StartedAt: '2026-02-08T12:00:01+02:00',
        FinishedAt: '0001-01-01T00:00:00Z',
        Health: {
          Status: 'healthy',
          FailingStreak: 0,
          Log: [{ Start: '2026-02-08T12:00:31.5+02:00', End: '', ExitCode: 0, Output: 'ok\n' }],
        },
      },
      Config: {
        Image: 'nginx:1.27',
        User: 'www',
        Tty: false,
        WorkingDir: '/srv',
        Env: ['PATH=/usr/bin:/bin', 'TOKEN=hunter22', 'BARE'],
        Labels: { 'com.example.role': 'front' },
        Healthcheck: { Test: ['CMD', 'wget', 'http://127.0.0.1/'] },
      },
      HostConfig: {
        RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 5 },
        Memory: 536_870_912,
        MemorySwap: -1,
        NanoCpus: 1_500_000_000,
        CpuShares: 512,
        PidsLimit: 100,
        Tmpfs: { '/run': 'rw,size=1m', '/ro': 'ro' },
      },
      Mounts: [
        { Type: 'volume', Name: 'data', Source: '/var/lib/x', Destination: '/data', RW: true },
        { Type: 'bind', Source: '/etc/web', Destination: '/etc/web', RW: false },
      ],
      NetworkSettings: {
        Ports: {
          '80/tcp': [
            { HostIp: '0.0.0.0', HostPort: '8080' },
            { HostIp: '::', HostPort: '8080' },
          ],
          '443/tcp': null,
          '53/udp': [{ HostIp: '', HostPort: '53' }],
        },
        Networks: {
          web_default: {
            IPAddress: '172.20.0.2',
            GlobalIPv6Address: 'fd00::2',
            Gateway: '172.20.0.1',
            MacAddress: '02:42:ac:14:00:02',
            Aliases: ['web', id.slice(0, 12)],
          },
          backend: { IPAddress: '172.21.0.2', Aliases: null },
        },
      },
    }),
  ).toEqual({
    id,
    name: 'web',
    image: 'nginx:1.27',
    imageId: 'sha256:abc',
    state: 'running',
    command: ['/entry.sh', 'nginx', '-g', 'daemon off;'],
    workingDir: '/srv',
    user: 'www',
    tty: false,
    createdAt: '2026-02-08T10:00:00.123Z',
    startedAt: '2026-02-08T10:00:01.000Z',
    finishedAt: null,
    exitCode: null,
    oomKilled: false,
    error: '',
    health: {
      status: 'healthy',
      failingStreak: 0,
      test: ['CMD', 'wget', 'http://127.0.0.1/'],
      checks: [{ at: '2026-02-08T10:00:31.500Z', exitCode: 0, output: 'ok\n' }],
    },
    restartCount: 2,
    restartPolicy: { name: 'on-failure', maximumRetryCount: 5 },
    environment: ['PATH', 'TOKEN', 'BARE'],
    labels: { 'com.example.role': 'front' },
    mounts: [
      { type: 'volume', name: 'data', source: '/var/lib/x', destination: '/data', readOnly: false },
      { type: 'bind', source: '/etc/web', destination: '/etc/web', readOnly: true },
      { type: 'tmpfs', source: '', destination: '/run', readOnly: false },
      { type: 'tmpfs', source: '', destination: '/ro', readOnly: true },
    ],
    networks: [
      {
        name: 'backend',
        ipAddress: '172.21.0.2',
        ipv6Address: '',
        gateway: '',
        macAddress: '',
        aliases: [],
      },
      {
        name: 'web_default',
        ipAddress: '172.20.0.2',
        ipv6Address: 'fd00::2',
        gateway: '172.20.0.1',
        macAddress: '02:42:ac:14:00:02',
        aliases: ['web', id.slice(0, 12)],
      },
    ],
    ports: '0.0.0.0:53->53/udp, 443/tcp, 0.0.0.0:8080->80/tcp, [::]:8080->80/tcp',
    limits: {
      memoryBytes: 536_870_912,
      memorySwapBytes: null,
      cpus: 1.5,
      cpuShares: 512,
      pids: 100,
    },
  });
});

const empty = {
  id,
  name: id.slice(0, 12),
  state: 'exited',
  startedAt: null,
  exitCode: null,
  health: null,
  environment: [],
  restartPolicy: { name: 'no', maximumRetryCount: 0 },
  ports: '',
  limits: { memoryBytes: null, memorySwapBytes: null, cpus: null, cpuShares: null, pids: null },
};

test.each([
  ['that says next to nothing', {}],
  [
    'full of nulls',
    {
      Name: null,
      Created: null,
      Args: null,
      State: { Status: null, Health: null, ExitCode: null, StartedAt: null, OOMKilled: null },
      Config: { Env: null, Labels: null, Healthcheck: null, Tty: null },
      HostConfig: { RestartPolicy: null, Memory: null, PidsLimit: null, Tmpfs: null },
      Mounts: null,
      NetworkSettings: { Ports: null, Networks: null },
    },
  ],
  ['without its parts', { Config: null, HostConfig: null, NetworkSettings: null }],
  [
    'with zeros for what is not set',
    {
      Created: '0001-01-01T00:00:00Z',
      State: { Status: 'exited', StartedAt: '0001-01-01T00:00:00Z', ExitCode: 0 },
      HostConfig: { Memory: 0, MemorySwap: 0, NanoCpus: 0, CpuQuota: -1, PidsLimit: -1 },
      NetworkSettings: { Ports: {}, Networks: { none: null } },
    },
  ],
])('takes an answer %s', async (_name, answer) => {
  expect(await convert(answer)).toMatchObject(empty);
});

const zero = '0001-01-01T00:00:00Z';
const start = '2026-02-08T10:00:00Z';
test.each([
  ['created', { Status: 'created', StartedAt: zero, ExitCode: 0 }, 'created', null],
  ['not able to start', { Status: 'created', StartedAt: zero, ExitCode: 127 }, 'created', 127],
  ['running', { Status: 'running', StartedAt: start, ExitCode: 0 }, 'running', null],
  ['paused', { Status: 'paused', Running: true, StartedAt: start, ExitCode: 0 }, 'paused', null],
  [
    'restarting',
    { Status: 'restarting', Running: true, StartedAt: start, ExitCode: 1 },
    'restarting',
    1,
  ],
  ['ended well', { Status: 'exited', StartedAt: start, ExitCode: 0 }, 'exited', 0],
  ["Podman's stopped", { Status: 'stopped', StartedAt: start, ExitCode: 143 }, 'exited', 143],
  ['only said to run', { Running: true, StartedAt: start, ExitCode: 0 }, 'running', null],
])('tells the state and the exit code of one that is %s', async (_name, State, state, exitCode) => {
  expect(await convert({ State })).toMatchObject({ state, exitCode });
});

test('has no health without a health check', async () => {
  for (const Status of ['none', '']) {
    const Health = { Status, FailingStreak: 0, Log: null };
    expect((await convert({ State: { Health } })).health).toBe(null);
  }
});

test('tells CPUs by quota and period, and shares a mount once', async () => {
  const inspection = await convert({
    HostConfig: { CpuQuota: 50_000, CpuPeriod: 0, Tmpfs: { '/tmp': '' } },
    Mounts: [{ Type: 'tmpfs', Destination: '/tmp', RW: true }],
  });
  expect(inspection.limits.cpus).toBe(0.5);
  expect(inspection.mounts).toHaveLength(1);
});

test('numbers and years beyond what callers can read never fail the answer', async () => {
  const State = {
    Status: 'exited',
    ExitCode: -(2 ** 60) - 0.5,
    StartedAt: '+012026-01-01T00:00:00Z',
    Health: { Status: 'healthy', FailingStreak: 1e300, Log: [{ ExitCode: 0.5 }] },
  };
  const HostConfig = { CpuQuota: 1e308, CpuPeriod: 1e-300, Memory: 1e300 };
  const { limits, ...shown } = await convert({ State, RestartCount: 1e300, HostConfig });
  const most = Number.MAX_SAFE_INTEGER;
  expect(shown).toMatchObject({ exitCode: -most, startedAt: null, restartCount: most });
  expect(shown.health).toMatchObject({ failingStreak: most, checks: [{ exitCode: 0 }] });
  expect(limits.cpus).toBeNull();
});
