// One observation: everything is read side by side, each part within a deadline of its own, and what could not be read is unknown.

import type {
  CallOptions,
  Clock,
  IdleHost,
  IdleRules,
  RunningContainer,
  UseEngine,
  VmObservation,
} from '../adapter-ports.ts';
import { withDeadline } from '../concurrency/deadline.ts';
import { type OnInternalError, toReason } from '../internal-error.ts';
import { findHostPorts, isIgnored, toNetworksSeen } from './connections.ts';
import { createCpuMeter } from './cpu-meter.ts';
import {
  findLiveApis,
  type Known,
  type ProbeResult,
  probeLabel,
  type SignalRules,
  toReadings,
} from './signals.ts';
import type { SignalReading } from './verdict.ts';

/** Builds an observation of everything. */
export type Assess = (options: AssessCall) => Promise<Assessment>;

export interface AssessCall extends CallOptions {
  /** The next observation compares with this one: of those who look at the same time, the loop alone, as it keeps what it saw. */
  readonly isKept: boolean;
}

export interface AssessOptions {
  readonly host: IdleHost;
  readonly engine: UseEngine;
  readonly clock: Clock;
  /** Of this process. */
  readonly rules: IdleRules;
  readonly signals: SignalRules;
  /** The last action through this process, by the VM's time. */
  readonly actionAt: (vmNow: number) => { readonly at: number; readonly by: string } | undefined;
  readonly onInternalError: OnInternalError;
  readonly deadlines?: Partial<ObservationDeadlines>;
}

export interface ObservationDeadlines {
  readonly containersMs: number;
  readonly cpuMs: number;
  readonly probeMs: number;
}

export interface Assessment {
  readonly observation: VmObservation;
  /** Our own time at that of the observation. */
  readonly atMs: number;
  readonly signals: readonly SignalReading[];
  /** Of other processes of the API that are connected. */
  readonly otherRules: readonly IdleRules[];
}

/** Builds the observation, which remembers what the next one compares with. Rejects when the VM cannot be read at all. */
export function createAssess({
  host,
  engine,
  clock,
  rules,
  signals,
  actionAt,
  onInternalError,
  deadlines,
}: AssessOptions): Assess {
  const { containersMs, cpuMs, probeMs } = { ...defaultDeadlines, ...deadlines };
  const cpuMeter = createCpuMeter({ engine, clock });
  let gone: readonly string[] = [];

  return async function assess({ isKept, signal }) {
    const containers = await within(
      containersMs,
      (inner) => engine.running({ signal: inner }),
      signal,
    );
    const all = 'value' in containers ? containers.value : [];
    const counted = all.filter((container) => !isIgnored(container));
    const [{ observation, atMs }, measured, probes] = await Promise.all([
      host
        .observe(
          {
            rules,
            gone,
            hostPorts: findHostPorts(all),
            pids: toNetworksSeen(all)
              .filter(({ network }) => network === 'own')
              .map(({ pid }) => pid),
            isReady: 'value' in containers,
          },
          { signal },
        )
        .then((observation) => ({ observation, atMs: clock.now().getTime() })),
      'reason' in containers
        ? containers
        : within(cpuMs, (inner) => cpuMeter.measure(counted, { signal: inner }), signal),
      Promise.all(all.flatMap((container) => runProbe(container, signal))),
    ]);
    // Only once the rest is known: what the loop does not get to see it measures again.
    if (isKept && 'value' in measured) measured.value.keep();
    const cpu = 'value' in measured ? { value: measured.value.loads } : measured;
    const live = findLiveApis(observation);
    const own = observation.ssh?.own;
    const isCertain =
      observation.ssh !== undefined &&
      !observation.unreadable.has('host') &&
      !observation.cut.has('host');
    gone = isCertain
      ? observation.apis.filter((api) => !live.includes(api)).map(({ id }) => id)
      : [];
    const action = actionAt(observation.now);
    return {
      observation,
      atMs,
      signals: toReadings({ observation, containers, cpu, probes, action }, signals),
      otherRules: live
        .filter(({ end }) => end.address !== own?.address || end.port !== own.port)
        .map((api) => api.rules),
    };
  };

  function runProbe(
    { id, name, labels }: RunningContainer,
    signal: AbortSignal | undefined,
  ): Promise<ProbeResult>[] {
    const command = labels[probeLabel];
    if (command === undefined) return [];
    // With time to spare for the requests around it.
    const exitCode = within(
      probeMs + 10_000,
      (inner) => engine.probe(id, toArgv(command), { timeoutMs: probeMs, signal: inner }),
      signal,
    );
    return [exitCode.then((known) => ({ container: name, exitCode: known }))];
  }

  async function within<T>(
    timeoutMs: number,
    work: (signal: AbortSignal) => Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<Known<T>> {
    const late = new Error('late');
    try {
      return { value: await withDeadline(work, { timeoutMs, signal, onTimeout: () => late }) };
    } catch (error) {
      signal?.throwIfAborted();
      if (error === late) return { reason: `Docker did not tell within ${timeoutMs / 1000} s` };
      return { reason: toReason(error, onInternalError) };
    }
  }
}

const defaultDeadlines: ObservationDeadlines = {
  containersMs: 15_000,
  cpuMs: 20_000,
  probeMs: 5000,
};

/** A list of words in JSON is run as it is, for an image without a shell. */
function toArgv(command: string): readonly string[] {
  try {
    const words: unknown = JSON.parse(command);
    if (Array.isArray(words) && words.length > 0 && words.every((word) => typeof word === 'string'))
      return words;
  } catch {
    // For the shell inside the container.
  }
  return ['/bin/sh', '-c', command];
}
