// What the VM itself has of what jobs, leases and the idle stop need: judged from what one command there told.

import type { Clock, HostFacts } from '../adapter-ports.ts';
import { AppError } from '../app-error.ts';
import { leastFreeBytes } from '../model/defaults-limits-timeouts.ts';
import { vmId } from '../model/vm.ts';
import { maxOffsetMs, toDuration } from './clock-difference.ts';
import type { DiagnosisSettings, IdleFacts } from './diagnosis.ts';
import type { Findings } from './findings.ts';

export interface HostCheckContext {
  readonly findings: Findings;
  readonly clock: Clock;
  readonly settings: DiagnosisSettings;
}

export function checkHost(
  facts: HostFacts,
  { findings, clock, settings: { idle } }: HostCheckContext,
): void {
  const { tools, jobFolder, disks } = facts;
  if (tools === undefined) findings.ok('flock-setsid', 'flock and setsid are there');
  else findings.failed('flock-setsid', tools);
  if (jobFolder === undefined)
    findings.ok('job-folder', 'The folder of jobs and leases can be written');
  else findings.failed('job-folder', jobFolder);
  checkDisks(findings, disks);
  const offsetMs = facts.now * 1000 - clock.now().getTime();
  const details = { offsetSeconds: Math.round(offsetMs / 1000) };
  if (Math.abs(offsetMs) <= maxOffsetMs)
    findings.ok('vm-clock', `The clock of ${vmId} agrees with that of this machine`, details);
  else findings.failed('vm-clock', clockDiffers(offsetMs, details));
  const isOn = idle.stopAfter !== undefined || idle.maxOn !== undefined;
  if (facts.isProcHidden && isOn) findings.failed('idle', procHidden());
}

function checkDisks(findings: Findings, disks: HostFacts['disks']): void {
  if (disks.length === 0) {
    findings.skipped(['disk'], 'df does not tell how much space is left there');
    return;
  }
  const details = Object.fromEntries(
    disks.map(({ of, freeBytes }) => [`freeBytes${of === 'home' ? 'Home' : 'Docker'}`, freeBytes]),
  );
  const full = disks.filter(({ freeBytes }) => freeBytes < leastFreeBytes);
  if (full.length === 0) {
    findings.ok('disk', `${disks.map(toSpaceText).join(', ')}`, details);
    return;
  }
  findings.failed(
    'disk',
    new AppError(
      'SERVICE_UNAVAILABLE',
      `The disk of ${vmId} is nearly full: ${full.map(toSpaceText).join(', ')}; builds, jobs and leases fail without space: remove what is not needed, such as by docker system prune`,
      { details },
    ),
  );
}

function toSpaceText({ of, freeBytes }: HostFacts['disks'][number]): string {
  const where = of === 'home' ? "the SSH user's home" : "Docker's folder";
  const megabytes = Math.floor(freeBytes / 1_000_000);
  const amount = megabytes < 10_000 ? `${megabytes} MB` : `${Math.floor(megabytes / 1000)} GB`;
  return `${amount} are free in ${where}`;
}

function clockDiffers(offsetMs: number, details: { readonly offsetSeconds: number }): AppError {
  return new AppError(
    'SERVICE_UNAVAILABLE',
    `The clock of ${vmId} is ${toDuration(offsetMs)} ${offsetMs > 0 ? 'ahead of' : 'behind'} that of this machine; let NTP keep it there (chronyd or systemd-timesyncd)`,
    { details },
  );
}

function procHidden(): AppError {
  return new AppError(
    'SERVICE_UNAVAILABLE',
    `The SSH user may not see other users' processes on ${vmId} (/proc is mounted with hidepid), so use of the VM cannot be seen and the idle stop never comes; mount /proc there without hidepid, or exempt this user by its gid`,
  );
}

/** What the idle stop is set to. */
export function toIdleText({ stopAfter, maxOn, announce, dryRun }: IdleFacts): string {
  const rules = [
    ...(stopAfter === undefined ? [] : [`after ${toSpan(stopAfter)} without use`]),
    ...(maxOn === undefined ? [] : [`after ${toSpan(maxOn)} in any case`]),
  ];
  if (rules.length === 0)
    return 'Off: without IDLE_STOP_AFTER_MINUTES the VM runs, and is billed, until somebody stops it';
  const how = dryRun
    ? 'A stop is announced, and not carried out (IDLE_STOP_DRY_RUN)'
    : 'It is stopped';
  return `${how}, ${rules.join(' and ')}, ${toSpan(announce)} after the announcement`;
}

function toSpan(seconds: number): string {
  const minutes = Math.round(seconds / 6) / 10;
  return minutes < 120 ? `${minutes} minutes` : `${Math.round(minutes / 6) / 10} hours`;
}
