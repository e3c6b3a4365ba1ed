// The VM's part of a diagnosis: the way to it, and what is there. One that is off is not asked.

import { AppError } from '../app-error.ts';
import { type LifecycleState, vmId } from '../model/vm.ts';
import { checkHost, type HostCheckContext, toIdleText } from './checks-inside-vm.ts';
import type { DiagnosisOptions, DiagnosisVm } from './diagnosis.ts';
import {
  isSilence,
  type SshCheck,
  sshChecks,
  toDockerLayer,
  toSshLayer,
  vmChecks,
} from './failed-layer.ts';
import type { Findings } from './findings.ts';
import type { OciOutcome } from './oci-checks.ts';
import type { Within } from './part-deadline.ts';

export interface VmCheckContext
  extends HostCheckContext,
    Pick<DiagnosisOptions, 'knownHost' | 'openVm'> {
  readonly within: Within;
}

/** `asking` is OCI's part, which says whether the VM is on, and where it is. */
export async function checkVm(context: VmCheckContext, asking: Promise<OciOutcome>): Promise<void> {
  const { findings, settings, within, knownHost, openVm } = context;
  findings.ok('idle', toIdleText(settings.idle), { ...settings.idle });
  const { lifecycleState, host: told } = await asking;
  if (lifecycleState !== undefined && !mayAnswer.has(lifecycleState)) {
    const { message, next } = toOffText(lifecycleState);
    findings.skipped([...sshChecks, ...vmChecks], message, next);
    return;
  }
  const host = told ?? (await within(`SSH on ${vmId}`, knownHost).catch(() => undefined));
  if (host === undefined) {
    findings.skipped(
      [...sshChecks, ...vmChecks],
      `Not asked, as the address of ${vmId} is not known`,
    );
    return;
  }
  await using vm = openVm(host);
  await checkConnected(vm, context);
}

/** In which SSH may answer. */
const mayAnswer: ReadonlySet<LifecycleState> = new Set(['RUNNING', 'MOVING', 'CREATING_IMAGE']);

function toOffText(state: LifecycleState): { message: string; next?: string } {
  const isOff = `${vmId} is ${state}, so nothing on it can be asked`;
  if (state === 'STOPPED') return { message: `${isOff}; wake it first`, next: 'ondemand wake' };
  if (state === 'TERMINATED' || state === 'TERMINATING') return { message: isOff };
  return { message: `${isOff}; ask again in a minute`, next: 'ondemand vm status' };
}

async function checkConnected(vm: DiagnosisVm, context: VmCheckContext): Promise<void> {
  const { findings, within } = context;
  try {
    const { host, port, user, hostKeys } = await within(`SSH on ${vmId}`, (signal) =>
      vm.address({ signal }),
    );
    const types = hostKeys.map((key) => key.split(' ', 1)[0]).join(', ');
    findings.ok('tcp', `${host} accepts connections on port ${port}`, { host, port });
    findings.ok('ssh-handshake', 'sshd answers');
    findings.ok('host-key', `Its host key (${types}) is the one that is trusted`);
    findings.ok('login', `sshd lets '${user}' in with our key`, { user });
  } catch (error) {
    failLogin(findings, error);
    return;
  }
  await checkServices(vm, context);
}

const okTexts: Readonly<Record<SshCheck, string>> = {
  tcp: 'Its SSH port accepts connections',
  'ssh-handshake': 'sshd answers',
  'host-key': 'Its host key is the one that is trusted',
  login: 'sshd lets us in',
};

function failLogin(findings: Findings, error: unknown): void {
  const { check, tried } = toSshLayer(error);
  const before = sshChecks.slice(0, sshChecks.indexOf(check));
  const after = sshChecks.slice(sshChecks.indexOf(check) + 1);
  for (const name of tried ? before : []) findings.ok(name, okTexts[name]);
  if (!tried) findings.skipped(before, 'Not tried, as there is nothing to log in with');
  findings.failed(check, error);
  findings.skipped([...after, ...vmChecks], `Not asked, as ${check} failed`);
}

async function checkServices(vm: DiagnosisVm, context: VmCheckContext): Promise<void> {
  const { findings, within } = context;
  const [host, docker, compose] = await Promise.allSettled([
    within(`The shell of ${vmId}`, (signal) => vm.readHost({ signal })),
    within(`Docker on ${vmId}`, (signal) => vm.readDocker({ signal })),
    within(`Compose on ${vmId}`, (signal) => vm.findCompose({ signal })),
  ] as const);
  const isSilent = [host, docker].every(
    (end) => end.status === 'rejected' && isSilence(end.reason),
  );
  if (isSilent) {
    findings.failed('tcp', hangs());
    const rest = [...sshChecks.filter((name) => name !== 'tcp'), ...vmChecks];
    findings.skipped(rest, 'Not asked, as tcp failed');
    return;
  }
  if (docker.status === 'fulfilled') {
    const { version, apiVersion, way } = docker.value;
    findings.ok('socket', toWayText(way), { transport: way });
    findings.ok('docker', `Docker ${version} answers, with version ${apiVersion} of its API`, {
      version,
      apiVersion,
    });
  } else {
    const layer = toDockerLayer(docker.reason);
    if (layer === 'docker') findings.ok('socket', 'The socket of Docker can be reached');
    else findings.skipped(['docker'], 'Not asked, as socket failed');
    findings.failed(layer, docker.reason);
  }
  if (host.status === 'rejected') {
    findings.failed('shell', host.reason);
    findings.skipped(ofShell, 'Not asked, as shell failed');
    return;
  }
  findings.ok('shell', 'The SSH user may run commands there');
  if (compose.status === 'fulfilled')
    findings.ok('compose', `A rebuild uses ${compose.value}`, { command: compose.value });
  else findings.failed('compose', compose.reason);
  checkHost(host.value, context);
}

const ofShell = ['compose', 'flock-setsid', 'disk', 'job-folder', 'vm-clock'] as const;

function toWayText(way: 'socket' | 'dial-stdio'): string {
  return way === 'socket'
    ? 'sshd forwards to the socket of Docker'
    : 'Docker is reached by the command "docker system dial-stdio"';
}

function hangs(): AppError {
  return new AppError(
    'SERVICE_UNAVAILABLE',
    `${vmId} says nothing on its SSH connection any more: it hangs, or the network between cuts it off; look at its serial console, and reset it if need be`,
    { text: 'VM not reachable via SSH', details: { reason: 'PEER_SILENT' } },
  );
}
