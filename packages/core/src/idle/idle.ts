// The service of the idle stop: observes what uses the VM, tells it, announces a stop and carries it out.

import type {
  Clock,
  Compute,
  IdleHost,
  IdleRules,
  Link,
  ReadOptions,
  UseEngine,
} from '../adapter-ports.ts';
import { isAppError } from '../app-error.ts';
import { withDeadline } from '../concurrency/deadline.ts';
import { createSingleFlight } from '../concurrency/single-flight.ts';
import { type OnInternalError, reportInternal, toReason } from '../internal-error.ts';
import type { OnDemandEvent } from '../model/event.ts';
import { type IdleVerdict, type Signal, signalNames } from '../model/idle.ts';
import { toOwnTime } from '../model/vm-clock.ts';
import { createVmReach } from '../vm/require-running.ts';
import type { Vm } from '../vm/vm.ts';
import { createLastAction } from './last-action.ts';
import { toHeldLeases } from './leases.ts';
import { type Assessment, createAssess, type ObservationDeadlines } from './observe.ts';
import { type IdleLoop, startIdleLoop } from './stop-loop.ts';
import { type Decision, decide, type IdleSettings, laterRules } from './verdict.ts';

export interface Idle extends AsyncDisposable {
  /**
   * What keeps the VM on and when it stops; shared by all who ask at the same time. What cannot be read is unknown, each part for itself.
   * Throws `SERVICE_UNAVAILABLE` with `details.lifecycleState` when the VM does not run.
   */
  verdict(options?: ReadOptions): Promise<IdleVerdict>;
  /** Call at the begin and at the end of an action through the API: it counts as use. Never throws. */
  noteAction(by: string): void;
  /** Call when a connection to the VM was opened: it is not a person's. Never throws. */
  register(): void;
}

/** What is told of a stop, with the verdict's own facts. */
export type IdleNotice = Omit<Extract<OnDemandEvent, { type: 'idle' }>, 'type' | 'time'>;

export interface IdleOptions {
  readonly host: IdleHost;
  readonly engine: UseEngine;
  readonly vm: Pick<Vm, 'status'>;
  readonly compute: Compute;
  readonly link: Link;
  readonly clock: Clock;
  readonly settings: IdleSettings & { readonly cpuPercent: number };
  /** Sends SOFTSTOP with the ETag that was read before `confirm` is called; what that throws ends it. */
  readonly stop: (confirm: () => Promise<void>) => Promise<void>;
  readonly onNotice: (notice: IdleNotice) => void;
  /** Told of what the loop failed with, once until it works again; it goes on. */
  readonly onFailure?: (error: unknown) => void;
  /** Told when a process of the API with other settings puts our stop off, and what counts then. */
  readonly onLaterRules?: (rules: IdleRules) => void;
  readonly onInternalError?: OnInternalError;
  readonly deadlines?: Partial<ObservationDeadlines>;
}

/** Builds the service. Its loop runs only where a rule is on, and dials no VM that is not RUNNING. */
export function createIdle(options: IdleOptions): Idle {
  const { host, engine, compute, link, clock, onInternalError = () => {} } = options;
  const settings = toWholeSeconds(options.settings);
  const reach = createVmReach({ compute, link });
  const reads = createSingleFlight({ deadlineMs: 90_000 });
  const ending = new AbortController();
  let knownRules = `${settings.stopAfter} ${settings.maxOn}`;
  /** When a command to register failed last: a login that runs none must not be asked at each connection. */
  let refusedAtMs: number | undefined;
  const isEnabled = settings.stopAfter !== undefined || settings.maxOn !== undefined;
  const intervalSeconds = toIntervalSeconds(settings);
  const lastAction = createLastAction({ host, link, clock, onInternalError });
  const assess = createAssess({
    host,
    engine,
    clock,
    rules: settings,
    signals: { cpuPercent: settings.cpuPercent, actionSeconds: intervalSeconds },
    actionAt: lastAction.at,
    onInternalError,
    ...(options.deadlines && { deadlines: options.deadlines }),
  });
  const judge = (assessment: Assessment): Decision => {
    const { observation, signals, otherRules } = assessment;
    const enabled = otherRules.filter(
      ({ stopAfter, maxOn }) => stopAfter !== undefined || maxOn !== undefined,
    );
    const rules = isEnabled ? laterRules([settings, ...enabled]) : {};
    if (isEnabled) noteRules(rules);
    const until = observation.leases
      .map((lease) => lease.until)
      .filter((each) => each > observation.now);
    return decide(
      {
        now: observation.now,
        readySince: observation.readySince,
        isReadySinceCertain: observation.isReadySinceCertain,
        onSince: observation.onSince,
        signals,
        leasedUntil: until.length > 0 ? Math.max(...until) : undefined,
        unknownAt: observation.unknownAt,
        announced: observation.announced,
      },
      { ...settings, stopAfter: undefined, maxOn: undefined, ...rules },
    );
  };
  const loop: IdleLoop | undefined = isEnabled
    ? startIdleLoop({ ...options, settings, assess, judge, intervalSeconds, signal: ending.signal })
    : undefined;

  return {
    verdict: (options) => reads.read('what uses the VM', readVerdict, options),
    noteAction: lastAction.note,
    register() {
      // Once the connection that was just opened can be used.
      setImmediate(() => {
        const isRefused =
          refusedAtMs !== undefined && clock.elapsedMs() - refusedAtMs < registerAgainMs;
        if (!link.connected || isRefused) return;
        host.register(settings).catch((error: unknown) => {
          refusedAtMs = clock.elapsedMs();
          reportInternal(error, onInternalError);
        });
      });
    },
    async [Symbol.asyncDispose]() {
      ending.abort();
      await withDeadline(() => Promise.all([loop?.done, lastAction[Symbol.asyncDispose]()]), {
        timeoutMs: maxEndingMs,
        onTimeout: () => undefined,
      }).catch(() => {});
    },
  };

  function noteRules({ stopAfter, maxOn }: IdleRules): void {
    const text = `${stopAfter} ${maxOn}`;
    if (text !== knownRules) options.onLaterRules?.({ stopAfter, maxOn });
    knownRules = text;
  }

  async function readVerdict(signal: AbortSignal): Promise<IdleVerdict> {
    const facts = { enabled: isEnabled, dryRun: settings.dryRun };
    let assessment: Assessment;
    try {
      const isKept = loop === undefined;
      assessment = await reach.reach((inner) => assess({ isKept, signal: inner }), signal);
    } catch (error) {
      signal.throwIfAborted();
      if (isAppError(error) && error.details.lifecycleState !== undefined) throw error;
      const reason = toReason(error, onInternalError);
      return { ...facts, ...unreadable(reason, settings.cpuPercent) };
    }
    return { ...facts, ...toFacts(assessment, judge(assessment)) };
  }
}

/** In our own time, whatever the clock of the VM says. */
export function toFacts(
  { observation, atMs, signals }: Assessment,
  { usedAt, usedBy, stopsAt, because }: Decision,
): Omit<IdleVerdict, 'enabled' | 'dryRun'> {
  const moment = { vmNow: observation.now, nowMs: atMs };
  const toTime = (seconds: number | null) => (seconds === null ? null : toOwnTime(seconds, moment));
  return {
    usedAt: toTime(usedAt),
    usedBy,
    stopsAt: toTime(stopsAt),
    stopsBecause: because,
    signals: signals.map(({ lastUsed, ...signal }) => ({
      ...signal,
      lastUsedAt: toTime(lastUsed === null ? null : Math.min(lastUsed, observation.now)),
    })),
    leases: toHeldLeases(observation.leases, moment),
  };
}

function unreadable(reason: string, cpuPercent: number): Omit<IdleVerdict, 'enabled' | 'dryRun'> {
  return {
    usedAt: null,
    usedBy: null,
    stopsAt: null,
    stopsBecause: null,
    signals: signalNames.map((name): Signal => {
      const threshold = name === 'cpu' ? cpuPercent : 0;
      return { name, state: 'unknown', value: null, threshold, lastUsedAt: null, by: null, reason };
    }),
    leases: [],
  };
}

const registerAgainMs = 10 * 60_000;
const maxEndingMs = 2000;
const longestIntervalSeconds = 60;

/** The VM's clock, by which everything is reckoned, tells no less. */
function toWholeSeconds<Settings extends IdleSettings>(settings: Settings): Settings {
  const { stopAfter, maxOn, announce } = settings;
  return {
    ...settings,
    stopAfter: stopAfter && Math.ceil(stopAfter),
    maxOn: maxOn && Math.ceil(maxOn),
    announce: Math.ceil(announce),
  };
}

/** A few observations within the shortest time that counts, at most one a second. */
function toIntervalSeconds({
  stopAfter = Number.POSITIVE_INFINITY,
  maxOn = Number.POSITIVE_INFINITY,
}: IdleSettings): number {
  return Math.max(1, Math.min(longestIntervalSeconds, Math.min(stopAfter, maxOn) / 5));
}
