// The loop of the idle stop: observes, keeps what it saw on the VM, announces, and stops after one more observation.

import { startPollLoop } from '../concurrency/poll-loop.ts';
import { type IdleNotice, type IdleOptions, toFacts } from './idle.ts';
import type { Assess, Assessment } from './observe.ts';
import type { Decision } from './verdict.ts';

export interface IdleTurnOptions
  extends Pick<
    IdleOptions,
    'host' | 'vm' | 'clock' | 'settings' | 'stop' | 'onNotice' | 'onFailure'
  > {
  readonly assess: Assess;
  readonly judge: (assessment: Assessment) => Decision;
  readonly intervalSeconds: number;
  readonly signal: AbortSignal;
}

export interface IdleLoop {
  readonly done: Promise<void>;
}

/** Observes at once, and then at every interval and at the moments of an announcement and a stop; ends when the signal aborts. */
export function startIdleLoop(options: IdleTurnOptions): IdleLoop {
  const { onFailure = () => {}, intervalSeconds, signal } = options;
  const turn = createIdleTurn(options);
  let isFailing = false;
  return startPollLoop({
    signal,
    minIntervalMs: Math.min(1000, intervalSeconds * 1000),
    async poll() {
      try {
        const seconds = await turn();
        isFailing = false;
        return seconds * 1000;
      } catch (error) {
        if (!signal.aborted && !isFailing) onFailure(error);
        isFailing = true;
        return intervalSeconds * 1000;
      }
    },
  });
}

/** Builds one turn of the loop, which remembers what it has told of; resolves with the seconds until the next observation. */
export function createIdleTurn({
  host,
  vm,
  clock,
  settings,
  stop,
  onNotice,
  assess,
  judge,
  intervalSeconds,
  signal,
}: IdleTurnOptions): () => Promise<number> {
  /** The stop that was told of last. */
  let told:
    | { readonly stopsAt: number; readonly because: string; stage: IdleNotice['stage'] }
    | undefined;
  /** What was seen and is not written yet, by its name. */
  const unwritten = new Map<string, UseNote>();
  /** When we last observed it, by the VM's clock, and failed to since, by our own. */
  let observedAt = 0;
  let failedAtMs: number | undefined;
  return turn;

  async function turn(): Promise<number> {
    const { lifecycleState } = await noteFailure(vm.status({ address: false, signal }));
    if (lifecycleState !== 'RUNNING') {
      told = undefined;
      return intervalSeconds;
    }
    // The decision goes by what the VM has kept, so what an earlier turn could not write comes first.
    const [before] = await Promise.allSettled([write()]);
    const assessment = withUnobserved(await observe());
    collect(assessment);
    if (before.status === 'rejected') throw before.reason;
    await write();
    const decision = judge(assessment);
    const { now } = assessment.observation;
    const { stopsAt, because } = decision;
    if (stopsAt === null || because === null) {
      withdraw(assessment, decision);
      return intervalSeconds;
    }
    const announceAt = stopsAt - settings.announce;
    if (decision.announces) {
      const text = toText(decision, now);
      await host.announce({ stopsAt, because, isDryRun: settings.dryRun, text }, { signal });
    }
    if (now >= announceAt) announce(assessment, decision);
    else withdraw(assessment, decision);
    if (decision.stops) await stopAfterLastObservation(assessment, decision);
    const next = now < announceAt ? announceAt : stopsAt;
    return next > now ? Math.min(intervalSeconds, next - now) : intervalSeconds;
  }

  function observe(): Promise<Assessment> {
    return noteFailure(assess({ isKept: true, signal }));
  }

  async function noteFailure<T>(reading: Promise<T>): Promise<T> {
    try {
      return await reading;
    } catch (error) {
      failedAtMs = clock.elapsedMs();
      throw error;
    }
  }

  /** What used it is unknown until now where an observation failed and no process has made one since, or where none did for long: all were paused, or had ended. */
  function withUnobserved(assessment: Assessment): Assessment {
    const { now } = assessment.observation;
    const lastAt = Math.max(observedAt, assessment.observation.observedAt ?? 0);
    const failedAt = failedAtMs && now - Math.ceil((clock.elapsedMs() - failedAtMs) / 1000);
    [observedAt, failedAtMs] = [now, undefined];
    const isUnobserved =
      (failedAt !== undefined && lastAt <= failedAt) ||
      (lastAt > 0 && now - lastAt > 2 * intervalSeconds + longestRestartSeconds);
    if (!isUnobserved) return assessment;
    unwritten.set('unknown', { name: 'unknown', at: now, by: 'all' });
    return { ...assessment, observation: { ...assessment.observation, unknownAt: now } };
  }

  function collect({ observation: { now: at }, signals }: Assessment): void {
    unwritten.set('observed', { name: 'observed', at, by: '' });
    for (const { name, state, by } of signals) {
      // An action has its own time, which whoever saw it has written.
      if (state === 'used' && name !== 'actions') unwritten.set(name, { name, at, by: by ?? '' });
    }
    const unknown = signals.filter(({ state }) => state === 'unknown').map(({ name }) => name);
    if (unknown.length > 0)
      unwritten.set('unknown', { name: 'unknown', at, by: unknown.join(', ') });
  }

  /** On the VM, so that a restart of the API neither forgets nor prolongs. What cannot be written is carried over. */
  async function write(): Promise<void> {
    if (unwritten.size === 0) return;
    await host.note([...unwritten.values()], { signal });
    unwritten.clear();
  }

  async function stopAfterLastObservation(
    assessment: Assessment,
    decision: Decision,
  ): Promise<void> {
    if (settings.dryRun) {
      tell('stopping', assessment, decision);
      return;
    }
    try {
      await stop(async () => {
        const again = await observe();
        collect(again);
        const last = judge(again);
        const { stops, because } = last;
        if (!stops || because === null) throw new StaysOn();
        const { readySince, now: observedAt } = again.observation;
        if (!(await host.claimStop({ readySince, because, observedAt }, { signal })))
          throw new StaysOn();
        tell('stopping', again, last);
      });
    } catch (error) {
      if (!(error instanceof StaysOn)) throw error;
      await write();
    }
  }

  function announce(assessment: Assessment, decision: Decision): void {
    const isTold =
      told !== undefined &&
      told.because === decision.because &&
      Math.abs(told.stopsAt - (decision.stopsAt ?? 0)) <= sameSeconds;
    if (!isTold) tell('announced', assessment, decision);
  }

  function withdraw(assessment: Assessment, decision: Decision): void {
    if (told !== undefined) tell('withdrawn', assessment, decision);
    told = undefined;
  }

  function tell(stage: IdleNotice['stage'], assessment: Assessment, decision: Decision): void {
    const { stopsAt, because } = decision;
    if (stage === 'stopping' && told?.stage === 'stopping') return;
    if (stopsAt !== null && because !== null) told = { stopsAt, because, stage };
    const facts = toFacts(assessment, decision);
    onNotice({
      stage,
      stopsAt: facts.stopsAt,
      because,
      usedAt: facts.usedAt,
      usedBy: facts.usedBy,
      dryRun: settings.dryRun,
    });
  }

  function toText({ stopsAt, because }: Decision, now: number): string {
    const minutes = Math.max(1, Math.round(((stopsAt ?? now) - now) / 60));
    const why = because === 'idle' ? 'nobody uses it' : 'it has been on for long';
    const what = settings.dryRun ? 'would stop (this is a dry run)' : 'stops';
    return `This VM ${what} in ${minutes} ${minutes === 1 ? 'minute' : 'minutes'}, as ${why}. "ondemand keep 2h" keeps it on.`;
  }
}

type UseNote = Parameters<IdleOptions['host']['note']>[0][number];

const sameSeconds = 5;
/** Beside two intervals: a restart of the API prolongs nothing. */
const longestRestartSeconds = 5;

/** It is used again, as far as any process knows, or kept on by a new lease, or another process stops it. */
class StaysOn extends Error {}
