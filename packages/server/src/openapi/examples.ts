// One example answer an operation, for the document; a test holds each against its schema.

import type {
  Container,
  ContainerAction,
  ContainerInspection,
  Diagnosis,
  IdleVerdict,
  Job,
  Lease,
  OnDemandEvent,
  VmAction,
  VmReady,
} from '@ondemand/core';

export interface OperationExample {
  readonly description: string;
  /** Of a stream: one item. */
  readonly response: unknown;
  /** What a body may say; nothing where it is left out. */
  readonly request?: object;
  readonly text?: string;
  /** Where it may be answered before it is done: a 202. */
  readonly accepted?: {
    readonly description: string;
    /** What its header `Location` leads to. */
    readonly location: string;
    readonly response: unknown;
  };
}

const nginx: Container = {
  name: 'nginx',
  state: 'running',
  image: 'nginx:1.29-alpine',
  ports: '0.0.0.0:8080->80/tcp, [::]:8080->80/tcp',
  uptime: 'Up 3 hours (healthy)',
};

const backup: Container = {
  name: 'backup',
  state: 'exited',
  image: 'restic/restic:0.18.0',
  ports: '',
  uptime: 'Exited (0) 2 days ago',
};

const logLine = '192.0.2.7 - - [08/Feb/2026:10:15:32 +0000] "GET / HTTP/1.1" 200 615\n';

const jobId = '20260208T101530-5f3a9c21';

const job: Job = {
  id: jobId,
  kind: 'rebuild',
  target: 'nginx',
  state: 'succeeded',
  startedAt: '2026-02-08T10:15:30.000Z',
  finishedAt: '2026-02-08T10:15:52.000Z',
  exitCode: 0,
  output: 'Building nginx\nRecreating home_nginx_1 ... done\n',
};

const ready: VmReady = {
  ready: true,
  phase: 'on',
  vm: { lifecycleState: 'RUNNING' },
  ssh: { ok: true },
  docker: { ok: true, version: '28.3.3' },
  checkedAt: '2026-02-08T10:15:30.000Z',
};

const waking: VmReady = {
  ready: false,
  phase: 'waking',
  vm: { lifecycleState: 'STARTING' },
  ssh: { ok: false, reason: 'oci-flex is STARTING' },
  docker: { ok: false, reason: 'not asked, as SSH does not answer' },
  checkedAt: '2026-02-08T10:15:12.000Z',
};

const diagnosis: Diagnosis = {
  ok: false,
  checkedAt: '2026-02-08T10:15:30.000Z',
  checks: [
    {
      name: 'configuration',
      layer: 'api',
      status: 'ok',
      message: 'All variables can be used',
      details: {},
    },
    {
      name: 'tcp',
      layer: 'ssh',
      status: 'failed',
      message:
        'VM not reachable via SSH: at 203.0.113.7:22, nothing listens on its SSH port. Check that the VM is running and has booted, and SSH_PORT.',
      next: 'ondemand vm console, to see whether it has booted',
      details: { reason: 'CONNECTION_REFUSED', host: '203.0.113.7', port: 22 },
    },
    {
      name: 'docker',
      layer: 'docker',
      status: 'skipped',
      message: 'Not asked, as tcp failed',
      details: {},
    },
  ],
};

const consoleText = '[  OK  ] Started Docker Application Container Engine.\n\noci-flex login: \n';

const lease: Lease = {
  id: '20260208T101530Z-5f3a9c21',
  sub: 'diego',
  clientId: 'ondemand-cli',
  reason: 'a film',
  createdAt: '2026-02-08T10:15:30.000Z',
  expiresAt: '2026-02-08T12:15:30.000Z',
};

const inspection: ContainerInspection = {
  id: '6f1d4f1b6e3c8a5d2b7e9c0f4a1d8e3b5c6f7a8b9c0d1e2f3a4b5c6d7e8f9a0b',
  name: 'nginx',
  image: 'nginx:1.29-alpine',
  imageId: 'sha256:9d2f1c5b7a3e8d4f6c0b2a1e5d7f9c8b4a6e3d2f1c0b9a8e7d6c5b4a3f2e1d0c',
  state: 'running',
  command: ['/docker-entrypoint.sh', 'nginx', '-g', 'daemon off;'],
  workingDir: '',
  user: '',
  tty: false,
  createdAt: '2026-02-08T07:15:28.000Z',
  startedAt: '2026-02-08T07:15:30.000Z',
  finishedAt: null,
  exitCode: null,
  oomKilled: false,
  error: '',
  health: {
    status: 'healthy',
    failingStreak: 0,
    test: ['CMD-SHELL', 'wget -qO- http://127.0.0.1/ || exit 1'],
    checks: [{ at: '2026-02-08T10:15:10.000Z', exitCode: 0, output: 'ok\n' }],
  },
  restartCount: 0,
  restartPolicy: { name: 'unless-stopped', maximumRetryCount: 0 },
  environment: ['NGINX_VERSION', 'PATH'],
  labels: { 'com.docker.compose.project': 'home', 'com.docker.compose.service': 'nginx' },
  mounts: [
    {
      type: 'bind',
      source: '/srv/home/nginx',
      destination: '/etc/nginx/conf.d',
      readOnly: true,
    },
  ],
  networks: [
    {
      name: 'home_default',
      ipAddress: '172.18.0.3',
      ipv6Address: '',
      gateway: '172.18.0.1',
      macAddress: '02:42:ac:12:00:03',
      aliases: ['nginx'],
    },
  ],
  ports: '0.0.0.0:8080->80/tcp, [::]:8080->80/tcp',
  limits: {
    memoryBytes: 268_435_456,
    memorySwapBytes: null,
    cpus: null,
    cpuShares: null,
    pids: null,
  },
};

const dieEvent: OnDemandEvent = {
  type: 'container',
  time: '2026-02-08T10:15:50.000Z',
  name: 'nginx',
  action: 'die',
  image: 'nginx:1.29-alpine',
  exitCode: 0,
};

/** By operation id. */
export const operationExamples: Readonly<Record<string, OperationExample>> = {
  vm_status: {
    description: 'The VM as OCI sees it now',
    response: {
      vmId: 'oci-flex',
      lifecycleState: 'RUNNING',
      displayName: 'oci-flex',
      ip: '203.0.113.10',
      lastCheck: '2026-02-08T10:15:30.000Z',
    },
  },
  vm_start: power('START'),
  vm_stop: power('STOP'),
  vm_reboot: power('SOFTRESET'),
  vm_reset: power('RESET'),
  vm_idle: {
    description: 'What keeps it on, signal by signal',
    response: {
      enabled: true,
      dryRun: false,
      usedAt: '2026-02-08T10:15:30.000Z',
      usedBy: 'connections: nginx:80 from 198.51.100.7:51234',
      stopsAt: null,
      stopsBecause: null,
      signals: [
        {
          name: 'connections',
          state: 'used',
          value: 1,
          threshold: 0,
          lastUsedAt: '2026-02-08T10:15:30.000Z',
          by: 'nginx:80 from 198.51.100.7:51234',
        },
        { name: 'cpu', state: 'unused', value: 3.4, threshold: 20, lastUsedAt: null, by: null },
      ],
      leases: [lease],
    } satisfies IdleVerdict,
  },
  vm_takeLease: {
    description: 'The lease',
    request: { minutes: 120, reason: 'a film' },
    response: lease,
  },
  vm_releaseLease: {
    description: 'The lease, which has ended',
    response: { ...lease, expiresAt: '2026-02-08T10:45:00.000Z' },
  },
  vm_ready: { description: 'What is seen of the VM', response: ready },
  vm_watchReady: { description: 'The VM as it becomes ready', response: waking },
  vm_wake: {
    description: 'The VM is ready',
    request: { minutes: 120, reason: 'a film' },
    response: { ...ready, lease },
    accepted: {
      description: 'The VM is on its way, and not ready yet',
      location: 'Where to see it become ready: /vm/ready',
      response: waking,
    },
  },
  vm_console: {
    description: 'The end of the serial console',
    response: { capturedAt: '2026-02-08T10:15:30.000Z', logs: consoleText },
    text: consoleText,
  },
  vm_address: {
    description: 'Where the API reaches the VM',
    response: {
      host: '203.0.113.7',
      port: 22,
      user: 'opc',
      hostKeys: [
        'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl',
      ],
    },
  },
  diagnose: { description: 'Each layer, from the configuration to Docker', response: diagnosis },
  containers_list: { description: 'All containers, sorted by name', response: [backup, nginx] },
  containers_status: { description: 'The container', response: nginx },
  containers_start: containerAction('start'),
  containers_stop: containerAction('stop'),
  containers_restart: containerAction('restart'),
  containers_rebuild: {
    ...containerAction('rebuild', { job: jobId }),
    accepted: {
      description: 'The job has begun, and still runs',
      location: 'The job: /jobs/{id}',
      response: { container: 'nginx', action: 'rebuild', status: 'initiated', job: jobId },
    },
  },
  containers_inspect: {
    description: 'The container in full, as far as it may be shown',
    response: inspection,
  },
  containers_stats: {
    description: 'One sample',
    response: {
      container: 'nginx',
      readAt: '2026-02-08T10:15:31.000Z',
      cpuPercent: 0.42,
      memoryBytes: 9_748_480,
      memoryLimitBytes: 268_435_456,
      networkRxBytes: 1_204_311,
      networkTxBytes: 8_840_127,
      blockReadBytes: 5_169_152,
      blockWriteBytes: 12_288,
      pids: 3,
    },
  },
  containers_followLogs: {
    description: 'The log as it grows',
    response: { line: logLine.trimEnd(), stream: 'stdout' },
    text: logLine,
  },
  jobs_list: {
    description: 'The last jobs, the newest first',
    response: [job],
  },
  jobs_get: { description: 'The job', response: job },
  jobs_cancel: {
    description: 'The job, which has ended',
    response: { ...job, state: 'cancelled', exitCode: 143, output: 'Building nginx\n' },
  },
  jobs_output: {
    description: 'The output as it grows',
    response: { text: 'Building nginx\n' },
    text: job.output,
  },
  events: { description: 'What happens, as it happens', response: dieEvent },
  containers_logs: {
    description: 'The last lines of its log',
    response: { container: 'nginx', lines: 1, logs: logLine },
    text: logLine,
  },
  whoami: {
    description: 'The caller',
    response: {
      sub: 'diego',
      clientId: 'ondemand-cli',
      scopes: ['read', 'wake', 'admin'],
      expiresAt: '2026-02-08T11:15:30.000Z',
    },
  },
  audit_list: {
    description: 'The newest lines, newest first',
    response: [
      {
        time: '2026-02-08T10:15:31.000Z',
        sub: 'diego',
        clientId: 'ondemand-cli',
        ip: '192.0.2.7',
        action: 'vm_start',
        target: 'oci-flex',
        outcome: 'refused',
        status: 409,
        durationMs: 212.4,
        requestId: '0d3c2f5e-6a0b-4a3e-9a52-1f2f7c8f4b11',
        code: 'CONFLICT',
      },
    ],
  },
};

/** Of a parameter, for those who try an operation: newman sends `<boolean>` for one without. */
export function toParameterExample(operationId: string, parameter: string): unknown {
  const isResumption = parameter === 'lastEventId' || parameter === 'Last-Event-ID';
  return isResumption ? startOfStream[operationId] : parameterExamples[parameter];
}

const parameterExamples: Readonly<Record<string, unknown>> = {
  name: 'nginx',
  id: jobId,
  lines: 100,
  limit: 100,
  tail: 100,
  since: '10m',
  timestamps: true,
  // Without it the answer has no end.
  follow: false,
  Prefer: 'wait=30',
};

/** Which id gives everything. */
const startOfStream: Readonly<Record<string, string>> = {
  vm_watchReady: ready.checkedAt,
  containers_followLogs: 'l1:::',
  jobs_output: '0',
};

function power(action: VmAction): OperationExample {
  return {
    description: 'OCI has accepted the action',
    response: { action, status: 'initiated', vmId: 'oci-flex' },
  };
}

function containerAction(
  action: ContainerAction,
  facts: { readonly job?: string } = {},
): OperationExample {
  return {
    description: 'The container is as asked',
    response: { container: 'nginx', action, status: 'success', changed: true, ...facts },
  };
}
