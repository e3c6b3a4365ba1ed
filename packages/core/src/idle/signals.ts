// The signals: what was read of the VM and its containers, as readings that name who uses it. Pure.

import type { SignalName, SignalState } from '../model/idle.ts';
import { formatEnd } from '../model/tcp-endpoint.ts';
import type { RunningContainer, VmLook } from '../ports.ts';
import { findConnections, idleLabel } from './connections.ts';
import type { SignalReading } from './verdict.ts';

/** A part of a look, or why it could not be read: a whole sentence without its stop. */
export type Known<T> = { readonly value: T } | { readonly reason: string };

export interface ProbeResult {
  readonly container: string;
  /** `undefined` when it did not end in time. */
  readonly exitCode: Known<number | undefined>;
}

export interface LookParts {
  readonly look: VmLook;
  readonly containers: Known<readonly RunningContainer[]>;
  /** Percent of one core by container, since the look before. */
  readonly cpu: Known<readonly { readonly name: string; readonly percent: number }[]>;
  readonly probes: readonly ProbeResult[];
  /** Of this process, and not kept on the VM yet. */
  readonly action: { readonly at: number; readonly by: string } | undefined;
}

export interface SignalRules {
  readonly cpuPercent: number;
  /** For so long an action counts as use going on. */
  readonly actionSeconds: number;
}

/** In the order of `signalNames`. */
export function toReadings(parts: LookParts, rules: SignalRules): SignalReading[] {
  const { look } = parts;
  const seen = (finding: Finding): SignalReading => {
    const before = look.uses.get(finding.name);
    const isUsed = finding.state === 'used';
    return {
      threshold: 0,
      ...finding,
      lastUsed: isUsed ? look.now : (finding.lastUsed ?? before?.at ?? null),
      by: isUsed ? finding.by : (finding.by ?? before?.by ?? null),
    };
  };
  return [
    seen(toConnections(parts)),
    seen(toCpu(parts, rules)),
    seen(toSessions(look)),
    seen(toJobs(look)),
    seen(toLeases(look)),
    seen(toActions(parts, rules)),
    seen(toProbe(parts)),
  ];
}

/** Whose end of a connection to sshd is that of a process of the API. */
export function findLiveApis(look: VmLook): VmLook['apis'] {
  const ends = new Set(sshEnds(look).map(formatEnd));
  return look.apis.filter(({ end }) => ends.has(formatEnd(end)));
}

/** A list of a few, however many there are. */
export function toFew(all: readonly string[], most = 5): string {
  const more = all.length > most ? `, and ${all.length - most} more` : '';
  return `${all.slice(0, most).join(', ')}${more}`;
}

export const probeLabel = 'ondemand.idle.probe';

interface Finding {
  readonly name: SignalName;
  readonly state: SignalState;
  readonly value: number | null;
  readonly threshold?: number;
  readonly by: string | null;
  readonly reason?: string;
  /** Where this signal has it by itself. */
  readonly lastUsed?: number;
}

function toConnections({ look, containers }: LookParts): Finding {
  const name = 'connections';
  if ('reason' in containers) return unknown(name, containers.reason);
  const { used, problems } = findConnections(look, containers.value);
  if (used.length === 0 && problems.length > 0) return unknown(name, toFew(problems, 3));
  return counted(name, used);
}

function toCpu({ cpu }: LookParts, { cpuPercent: threshold }: SignalRules): Finding {
  if ('reason' in cpu) return { ...unknown('cpu', cpu.reason), threshold };
  const value = Math.round(cpu.value.reduce((sum, { percent }) => sum + percent, 0) * 10) / 10;
  const isUsed = value > threshold;
  const busiest = [...cpu.value].sort((a, b) => b.percent - a.percent);
  const shown = busiest.filter(({ percent }) => percent >= 1);
  const by = toFew(
    (shown.length > 0 ? shown : busiest.slice(0, 1)).map(
      ({ name, percent }) => `${name} ${Math.round(percent)} %`,
    ),
    3,
  );
  return {
    name: 'cpu',
    state: isUsed ? 'used' : 'unused',
    value,
    threshold,
    by: isUsed ? by : null,
  };
}

function toSessions(look: VmLook): Finding {
  const name = 'sessions';
  if (look.ssh === undefined)
    return unknown(name, 'sshd on the VM does not tell its port: SSH_CONNECTION is not set there');
  if (look.unreadable.has('host'))
    return unknown(
      name,
      "the VM's own connections cannot be read: its user may not read /proc/self/net/tcp",
    );
  const ours = new Set([look.ssh.own, ...look.apis.map(({ end }) => end)].map(formatEnd));
  const others = sshEnds(look).filter((end) => !ours.has(formatEnd(end)));
  return counted(
    name,
    others.map((end) => `ssh from ${formatEnd(end)}`),
  );
}

function toJobs({ jobs }: VmLook): Finding {
  return counted(
    'jobs',
    jobs.map(({ id, target }) => `job ${id} on ${target}`),
  );
}

function toLeases({ leases, now }: VmLook): Finding {
  const held = leases.filter(({ until }) => until > now);
  const ended = leases.map(({ until }) => until).filter((until) => until <= now);
  const names = held.map(({ sub, reason }) => (reason === '' ? sub : `${sub} (${reason})`));
  return {
    ...counted('leases', names),
    ...(ended.length > 0 && { lastUsed: Math.max(...ended) }),
  };
}

function toActions({ look, action }: LookParts, { actionSeconds }: SignalRules): Finding {
  const kept = look.uses.get('actions');
  const last = action !== undefined && action.at > (kept?.at ?? 0) ? action : kept;
  const isRecent = last !== undefined && last.at > look.now - actionSeconds;
  if (last === undefined) return counted('actions', []);
  return { ...counted('actions', isRecent ? [last.by] : []), by: last.by, lastUsed: last.at };
}

function toProbe({ containers, probes }: LookParts): Finding {
  const name = 'probe';
  if ('reason' in containers) return unknown(name, containers.reason);
  const busy = probes
    .filter(({ exitCode }) => 'value' in exitCode && exitCode.value === 0)
    .map(({ container }) => container);
  const kept = containers.value
    .filter(({ labels }) => labels[idleLabel] === 'keep')
    .map(({ name }) => `${name} (${idleLabel}=keep)`);
  if (busy.length + kept.length > 0) return counted(name, [...busy, ...kept]);
  const problems = probes.flatMap(({ container, exitCode }) => {
    if ('reason' in exitCode)
      return [`the probe of '${container}' could not be run: ${exitCode.reason}`];
    if (exitCode.value === 1) return [];
    return exitCode.value === undefined
      ? [`the probe of '${container}' did not end in time`]
      : [
          `the probe of '${container}' ended with ${exitCode.value}, which is neither 0 (busy) nor 1 (idle)`,
        ];
  });
  return problems.length > 0 ? unknown(name, toFew(problems, 3)) : counted(name, []);
}

function counted(name: SignalName, used: readonly string[]): Finding {
  return {
    name,
    state: used.length > 0 ? 'used' : 'unused',
    value: used.length,
    by: used.length > 0 ? toFew(used) : null,
  };
}

function unknown(name: SignalName, reason: string): Finding {
  return { name, state: 'unknown', value: null, by: null, reason };
}

function sshEnds(look: VmLook) {
  const port = look.ssh?.port;
  return (look.tables.get('host') ?? [])
    .filter(({ local }) => local.port === port)
    .map(({ remote }) => remote);
}
