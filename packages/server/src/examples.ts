// One example answer an operation, for the document; a test holds each against its schema.

import type { Container, ContainerAction, VmAction } from '@ondemand/core';

export interface OperationExample {
  readonly description: string;
  readonly response: unknown;
  readonly text?: string;
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
  containers_list: { description: 'All containers, sorted by name', response: [backup, nginx] },
  containers_status: { description: 'The container', response: nginx },
  containers_start: containerAction('start'),
  containers_stop: containerAction('stop'),
  containers_restart: containerAction('restart'),
  containers_rebuild: containerAction('rebuild'),
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
      scopes: ['read', 'admin'],
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

function power(action: VmAction): OperationExample {
  return {
    description: 'OCI has accepted the action',
    response: { action, status: 'initiated', vmId: 'oci-flex' },
  };
}

function containerAction(action: ContainerAction): OperationExample {
  return {
    description: 'The container is as asked',
    response: { container: 'nginx', action, status: 'success', changed: true },
  };
}
