// What a healthy API answers, and how it looks to people.

import type {
  Container,
  ContainerInspection,
  ContainerStats,
  IdleVerdict,
  Job,
  Lease,
  OnDemandEvent,
  VmReady,
  VmState,
  Whoami,
} from '@ondemand/client';
import { refusal, type Script } from './stub-api.test-support.ts';

export const vm: VmState = {
  vmId: 'oci-flex',
  lifecycleState: 'RUNNING',
  displayName: 'oci-flex',
  ip: '203.0.113.10',
  lastCheck: '2026-02-08T10:15:30.000Z',
};
export const stoppedVm: VmState = {
  vmId: 'oci-flex',
  lifecycleState: 'STOPPED',
  displayName: 'oci-flex',
  lastCheck: '2026-02-08T10:15:30.000Z',
};
/** What the API says of a VM in this state. */
export function toReady(lifecycleState: VmReady['vm']['lifecycleState'], answers = false): VmReady {
  return {
    ready: answers,
    phase: answers ? 'on' : toPhase(lifecycleState),
    vm: lifecycleState === undefined ? { reason: 'OCI is throttling' } : { lifecycleState },
    ssh: answers ? { ok: true } : { ok: false, reason: 'SSH does not answer' },
    docker: answers ? { ok: true, version: '28.3.3' } : { ok: false },
    checkedAt: '2026-02-08T10:15:30.000Z',
  };
}

function toPhase(state: VmReady['vm']['lifecycleState']): VmReady['phase'] {
  if (state === 'STOPPED') return 'asleep';
  if (state === 'STOPPING' || state === 'TERMINATING') return 'stopping';
  return state === 'STARTING' ? 'waking' : 'unreachable';
}

export const lease: Lease = {
  id: '20260208T101530Z-5f3a9c21',
  sub: 'diego',
  clientId: 'ondemand-cli',
  reason: 'a film',
  createdAt: '2026-02-08T10:15:30.000Z',
  expiresAt: '2026-02-08T12:15:30.000Z',
};
/** Of an API whose idle stop is on, and a VM that nothing uses. */
export const idleVerdict: IdleVerdict = {
  enabled: true,
  dryRun: false,
  usedAt: '2026-02-08T10:10:30.000Z',
  usedBy: null,
  stopsAt: null,
  stopsBecause: null,
  signals: [
    {
      ...{ name: 'connections', state: 'used', value: 1, threshold: 0 },
      ...{ lastUsedAt: '2026-02-08T10:15:30.000Z', by: 'nginx:80 from 198.51.100.7:51234' },
    },
  ],
  leases: [],
};
export const backup: Container = {
  name: 'backup',
  state: 'exited',
  image: 'restic/restic:0.18.0',
  ports: '',
  uptime: 'Exited (0) 2 days ago',
};
export const nginx: Container = {
  name: 'nginx',
  state: 'running',
  image: 'nginx:1.29-alpine',
  ports: '0.0.0.0:8080->80/tcp',
  uptime: 'Up 3 hours (healthy)',
};
export const caller: Whoami = {
  sub: 'diego',
  clientId: 'ondemand-cli',
  scopes: ['read', 'admin'],
  expiresAt: '2026-02-08T11:15:30.000Z',
};
export const log = { container: 'nginx', lines: 2, logs: 'one\n\u001b[31mtwo\u001b[0m' };
export const lines = [
  { line: 'one', stream: 'stdout' },
  { line: '\u001b[31mtwo\u001b[0m', stream: 'stderr' },
] as const;
export const job: Job = {
  id: '20260208T101530Z-1f2e',
  kind: 'rebuild',
  target: 'app',
  state: 'succeeded',
  startedAt: '2026-02-08T10:15:30.000Z',
  finishedAt: '2026-02-08T10:17:00.000Z',
  exitCode: 0,
  output: 'Step 1/2\nStep 2/2\n',
};
export const failedJob: Job = { ...job, state: 'failed', exitCode: 17 };
export const jobOutput = [{ text: 'Step 1/2\n' }, { text: 'Step\t2/2\nDone\n' }];
export const begun = {
  data: { container: 'app', action: 'rebuild', status: 'initiated', job: job.id },
};
export const time = '2026-02-08T10:15:30.000Z';
export const die: OnDemandEvent = {
  type: 'container',
  time,
  name: 'nginx',
  action: 'die',
  image: 'nginx:1.29-alpine',
  exitCode: 137,
};
export const stopping: OnDemandEvent = {
  type: 'vm',
  time,
  lifecycleState: 'STOPPING',
  previous: 'RUNNING',
};
export const sample: ContainerStats = {
  container: 'nginx',
  readAt: time,
  cpuPercent: 1.234,
  memoryBytes: 10_500_000,
  memoryLimitBytes: 1_073_741_824,
  networkRxBytes: 1_234_567,
  networkTxBytes: 890,
  blockReadBytes: 0,
  blockWriteBytes: 4_096,
  pids: 3,
};
export const inspection: ContainerInspection = {
  id: 'f00d',
  name: 'nginx',
  image: 'nginx:1.29-alpine',
  imageId: 'sha256:cafe',
  state: 'running',
  command: ['nginx', '-g', "daemon off; # it's"],
  workingDir: '',
  user: '',
  tty: false,
  createdAt: time,
  startedAt: time,
  finishedAt: null,
  exitCode: null,
  oomKilled: false,
  error: '',
  health: {
    status: 'healthy',
    failingStreak: 0,
    test: ['CMD', 'curl', '-f', 'localhost'],
    checks: [{ at: time, exitCode: 0, output: 'ok\u001b[2J\nfine\n' }],
  },
  restartCount: 2,
  restartPolicy: { name: 'on-failure', maximumRetryCount: 5 },
  environment: ['PATH', 'TOKEN'],
  labels: { 'com.docker.compose.project': 'shop' },
  mounts: [
    { type: 'volume', name: 'data', source: '/var/lib/x', destination: '/data', readOnly: true },
  ],
  networks: [
    {
      name: 'shop_default',
      ipAddress: '172.18.0.2',
      ipv6Address: '',
      gateway: '172.18.0.1',
      macAddress: '02:42:ac:12:00:02',
      aliases: ['nginx', 'web'],
    },
  ],
  ports: '0.0.0.0:8080->80/tcp',
  limits: {
    memoryBytes: 536_870_912,
    memorySwapBytes: null,
    cpus: 0.5,
    cpuShares: null,
    pids: 100,
  },
};
export const initiated = (action: string) => ({
  data: { action, status: 'initiated', vmId: 'oci-flex' },
});
export const acted = (container: string, action: string, changed = true) => ({
  data: { container, action, status: 'success', changed },
});
export const vmOff = refusal('SERVICE_UNAVAILABLE', 'oci-flex is not running (STOPPED)', {
  lifecycleState: 'STOPPED',
});

export const table = `NAME     IMAGE                  STATUS                  PORTS
backup   restic/restic:0.18.0   Exited (0) 2 days ago
nginx    nginx:1.29-alpine      Up 3 hours (healthy)    0.0.0.0:8080->80/tcp
`;

export const healthy: Readonly<Record<string, Script>> = {
  'vm.status': { data: vm },
  'vm.start': initiated('START'),
  'vm.stop': initiated('STOP'),
  'vm.reboot': initiated('SOFTRESET'),
  'vm.reset': initiated('RESET'),
  'vm.ready': { data: toReady('RUNNING', true) },
  'vm.watchReady': { stream: [toReady('RUNNING', true)] },
  'vm.wake': { data: toReady('RUNNING', true) },
  'vm.console': { data: { capturedAt: '2026-02-08T10:15:30.000Z', logs: 'oci-flex login: \n' } },
  'vm.idle': { data: idleVerdict },
  'containers.list': { data: [backup, nginx] },
  'containers.start': acted('nginx', 'start'),
  'containers.stop': acted('nginx', 'stop'),
  'containers.restart': acted('nginx', 'restart'),
  'containers.rebuild': begun,
  'containers.logs': { data: log },
  'containers.followLogs': { stream: lines },
  'containers.inspect': { data: inspection },
  'containers.stats': { data: sample },
  events: { stream: [stopping, die] },
  'jobs.list': { data: [job, failedJob] },
  'jobs.get': { data: job },
  'jobs.cancel': { data: { ...job, state: 'cancelled', exitCode: 143 } },
  'jobs.output': { stream: jobOutput },
  whoami: { data: caller },
};
