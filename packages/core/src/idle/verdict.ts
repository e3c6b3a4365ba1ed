// The verdict: whether the VM is used, when it stops and why. Pure: what was observed, the settings and the time in, the verdict out.

import type { Announcement, IdleRules } from '../adapter-ports.ts';
import { graceSeconds } from '../model/defaults-limits-timeouts.ts';
import type { SignalName, SignalState, StopCause } from '../model/idle.ts';

export interface IdleSettings extends IdleRules {
  /** How long ahead a stop is announced. */
  readonly announce: number;
  readonly dryRun: boolean;
}

/** What one observation found of one signal; times are seconds of the VM's clock, as everywhere here. */
export interface SignalReading {
  readonly name: SignalName;
  readonly state: SignalState;
  readonly value: number | null;
  readonly threshold: number;
  readonly lastUsed: number | null;
  readonly by: string | null;
  readonly reason?: string;
}

export interface IdleObservation {
  readonly now: number;
  readonly readySince: number;
  /** Else it may have been ready for long before it was first observed. */
  readonly isReadySinceCertain?: boolean | undefined;
  /** When the VM was switched on, where that is known. */
  readonly onSince?: number | undefined;
  readonly signals: readonly SignalReading[];
  /** When the last of the leases that hold ends. */
  readonly leasedUntil: number | undefined;
  /** When something was last unknown, which keeps the VM on as use does. */
  readonly unknownAt: number | undefined;
  /** The last one, by whichever process; one of a dry run counts for dry runs alone. */
  readonly announced: Announcement | undefined;
}

export interface Decision {
  readonly enabled: boolean;
  readonly usedAt: number;
  readonly usedBy: string | null;
  readonly stopsAt: number | null;
  readonly because: StopCause | null;
  /** To be announced now. */
  readonly announces: boolean;
  /** To be stopped now. */
  readonly stops: boolean;
}

/** Total. A stop is never due before it was announced for as long as the settings say. */
export function decide(seen: IdleObservation, settings: IdleSettings): Decision {
  const { now, announced } = seen;
  const enabled = settings.stopAfter !== undefined || settings.maxOn !== undefined;
  const last = findLastUse(seen);
  const stop = findStop(seen, settings, last.at);
  const facts = { enabled, usedAt: last.at, usedBy: last.by };
  if (stop === undefined)
    return { ...facts, stopsAt: null, because: null, announces: false, stops: false };
  const isAnnounced =
    announced !== undefined &&
    (settings.dryRun || !announced.isDryRun) &&
    announced.because === stop.because &&
    announced.at >= stop.since &&
    announced.stopsAt >= stop.at - toleranceSeconds;
  // By a process whose settings were others, it may have been announced less far ahead.
  const stopsAt = isAnnounced
    ? Math.max(
        stop.at,
        announced.stopsAt,
        announced.at + settings.announce - slowestAnnouncementSeconds,
      )
    : Math.max(stop.at, now + settings.announce);
  return {
    ...facts,
    stopsAt,
    because: stop.because,
    announces: !isAnnounced && stopsAt - settings.announce <= now,
    stops: now >= stopsAt && (isAnnounced || settings.announce === 0),
  };
}

/** Of several processes with settings of their own the later stop wins; what one of them never does is not done. */
export function laterRules(all: readonly [IdleRules, ...IdleRules[]]): IdleRules {
  return {
    stopAfter: latest(all.map((rules) => rules.stopAfter)),
    maxOn: latest(all.map((rules) => rules.maxOn)),
  };
}

/** Two processes reckon in whole seconds. */
const toleranceSeconds = 5;

/** From an observation until its announcement is written. */
const slowestAnnouncementSeconds = 60;

/** From when a VM is switched on until it is ready, unless it was seen to take longer. */
const longestBootSeconds = 10 * 60;

interface Stop {
  readonly at: number;
  readonly because: StopCause;
  /** What was announced before this was about another stop. */
  readonly since: number;
}

function findStop(seen: IdleObservation, rules: IdleRules, usedAt: number): Stop | undefined {
  const { now, readySince, onSince = readySince, signals, leasedUntil } = seen;
  const stops: Stop[] = [];
  if (rules.stopAfter !== undefined && signals.every(({ state }) => state === 'unused')) {
    const since = Math.max(usedAt, Math.min(seen.unknownAt ?? readySince, now));
    stops.push({
      at: Math.max(since + rules.stopAfter, readySince + graceSeconds),
      because: 'idle',
      since,
    });
  }
  const areLeasesKnown = signals.some(
    ({ name, state }) => name === 'leases' && state !== 'unknown',
  );
  if (rules.maxOn !== undefined && areLeasesKnown) {
    const latestReady = seen.isReadySinceCertain ? readySince : onSince + longestBootSeconds;
    const ready = Math.min(readySince, latestReady);
    const at = Math.max(onSince + rules.maxOn, ready + graceSeconds, leasedUntil ?? 0);
    stops.push({ at, because: 'max-on', since: onSince });
  }
  return stops.sort((a, b) => a.at - b.at)[0];
}

/** A time that the VM's clock has not reached, since it was set back, is the present. */
function findLastUse({ now, readySince, signals }: IdleObservation) {
  let last: { at: number; by: string | null } = { at: readySince, by: null };
  for (const { name, lastUsed, by } of signals) {
    if (lastUsed === null || Math.min(lastUsed, now) < last.at) continue;
    // Of several in use now the first is told, in the order in which they are shown.
    if (last.by !== null && Math.min(lastUsed, now) === last.at) continue;
    last = { at: Math.min(lastUsed, now), by: by === null ? name : `${name}: ${by}` };
  }
  return last;
}

function latest(values: readonly (number | undefined)[]): number | undefined {
  return values.includes(undefined) ? undefined : Math.max(...(values as number[])); // none is undefined
}
