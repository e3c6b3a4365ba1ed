// The signals: what was read of the VM and its containers, as readings that name who uses it. Pure.

import type { RunningContainer, VmObservation } from '../adapter-ports.ts';
import type { SignalName, SignalState } from '../model/idle.ts';
import { formatEnd } from '../model/tcp-endpoint.ts';
import { findConnections, idleLabel } from './connections.ts';
import type { SignalReading } from './verdict.ts';

/** A part of an observation, or why it could not be read: a whole sentence without its stop. */
export type Known<T> = { readonly value: T } | { readonly reason: string };

export interface ProbeResult {
  readonly container: string;
  /** `undefined` when it did not end in time. */
  readonly exitCode: Known<number | undefined>;
}

export interface ObservationParts {
  readonly observation: VmObservation;
  readonly containers: Known<readonly RunningContainer[]>;
  /** Percent of one core by container, since the observation before. */
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
export function toReadings(parts: ObservationParts, rules: SignalRules): SignalReading[] {
  const { observation } = parts;
  const seen = (finding: Finding): SignalReading => {
    const before = observation.uses.get(finding.name);
    const isUsed = finding.state === 'used';
    return {
      threshold: 0,
      ...finding,
      lastUsed: isUsed ? observation.now : (finding.lastUsed ?? before?.at ?? null),
      by: isUsed ? finding.by : (finding.by ?? before?.by ?? null),
    };
  };
  return [
    seen(toConnections(parts)),
    seen(toCpu(parts, rules)),
    seen(toSessions(observation)),
    seen(toJobs(observation)),
    seen(toLeases(observation)),
    seen(toActions(parts, rules)),
    seen(toProbe(parts)),
  ];
}

/** Those whose connection to sshd is still there. */
export function findLiveApis(observation: VmObservation): VmObservation['apis'] {
  const ends = new Set(sshEnds(observation).map(formatEnd));
  return observation.apis.filter(({ end }) => ends.has(formatEnd(end)));
}

/** A list of a few, however many there are. */
function toFew(all: readonly string[], most = 5): string {
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

function toConnections({ observation, containers }: ObservationParts): Finding {
  const name = 'connections';
  if ('reason' in containers) return unknown(name, containers.reason);
  const { used, problems } = findConnections(observation, containers.value);
  if (used.length === 0 && problems.length > 0) return unknown(name, toFew(problems, 3));
  return counted(name, used);
}

function toCpu({ cpu }: ObservationParts, { cpuPercent: threshold }: SignalRules): Finding {
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

function toSessions(observation: VmObservation): Finding {
  const name = 'sessions';
  if (observation.ssh === undefined)
    return unknown(name, 'sshd on the VM does not tell its port: SSH_CONNECTION is not set there');
  if (observation.unreadable.has('host'))
    return unknown(
      name,
      "the VM's own connections cannot be read: its user may not read /proc/self/net/tcp",
    );
  const ours = new Set(
    [observation.ssh.own, ...observation.apis.map(({ end }) => end)].map(formatEnd),
  );
  const others = sshEnds(observation).filter((end) => !ours.has(formatEnd(end)));
  if (others.length === 0 && observation.cut.has('host'))
    return unknown(
      name,
      'the VM has too many connections to read each, so sessions may be among them',
    );
  return counted(
    name,
    others.map((end) => `ssh from ${formatEnd(end)}`),
  );
}

function toJobs({ jobs, unreadable }: VmObservation): Finding {
  if (unreadable.has('jobs')) return unknown('jobs', notOurs('jobs'));
  return counted(
    'jobs',
    jobs.map(({ id, target }) => `job ${id} on ${target}`),
  );
}

function toLeases({ leases, now, unreadable }: VmObservation): Finding {
  if (unreadable.has('leases')) return unknown('leases', notOurs('leases'));
  const held = leases.filter(({ until }) => until > now);
  const ended = leases.map(({ until }) => until).filter((until) => until <= now);
  const names = held.map(({ sub, reason }) => (reason === '' ? sub : `${sub} (${reason})`));
  return {
    ...counted('leases', names),
    ...(ended.length > 0 && { lastUsed: Math.max(...ended) }),
  };
}

function toActions(
  { observation, action }: ObservationParts,
  { actionSeconds }: SignalRules,
): Finding {
  const kept = observation.uses.get('actions');
  const last = action !== undefined && action.at > (kept?.at ?? 0) ? action : kept;
  const isRecent = last !== undefined && last.at > observation.now - actionSeconds;
  if (last === undefined) return counted('actions', []);
  return { ...counted('actions', isRecent ? [last.by] : []), by: last.by, lastUsed: last.at };
}

function toProbe({ containers, probes }: ObservationParts): Finding {
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

function notOurs(folder: string): string {
  return `the folder ${folder} that the API keeps on the VM cannot be read, or is not of its user any more`;
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

function sshEnds(observation: VmObservation) {
  const port = observation.ssh?.port;
  return (observation.tables.get('host') ?? [])
    .filter(({ local }) => local.port === port)
    .map(({ remote }) => remote);
}
