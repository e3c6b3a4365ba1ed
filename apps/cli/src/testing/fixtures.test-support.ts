// What a healthy API answers, and how it looks to people.

import type { Container, VmState, Whoami } from '@ondemand/client';
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
  'containers.list': { data: [backup, nginx] },
  'containers.start': acted('nginx', 'start'),
  'containers.stop': acted('nginx', 'stop'),
  'containers.restart': acted('nginx', 'restart'),
  'containers.rebuild': acted('nginx', 'rebuild'),
  'containers.logs': { data: log },
  whoami: { data: caller },
};
