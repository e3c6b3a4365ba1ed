// The loop of the idle stop: observes, keeps what it saw on the VM, announces, and stops after one more observation.

import { startPollLoop } from '../concurrency/poll-loop.ts';
import type { SignalName } from '../model/idle.ts';
import { type IdleNotice, type IdleOptions, toFacts } from './idle.ts';
import type { Assess, Assessment } from './observe.ts';
import type { Decision } from './verdict.ts';

export interface IdleTurnOptions
  extends Pick<IdleOptions, 'host' | 'vm' | 'settings' | 'stop' | 'onNotice' | 'onFailure'> {
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
  return turn;

  async function turn(): Promise<number> {
    const { lifecycleState } = await vm.status({ address: false, signal });
    if (lifecycleState !== 'RUNNING') {
      told = undefined;
      return intervalSeconds;
    }
    const assessment = await assess({ isKept: true, signal });
    const decision = judge(assessment);
    const { now } = assessment.observation;
    const { stopsAt, because } = decision;
    await keep(assessment);
    if (stopsAt === null || because === null) {
      withdraw(assessment, decision);
      return intervalSeconds;
    }
    const announceAt = stopsAt - settings.announce;
    if (decision.announces)
      await host.announce({ stopsAt, because, text: toText(decision, now) }, { signal });
    if (now >= announceAt) announce(assessment, decision);
    else withdraw(assessment, decision);
    if (decision.stops) await stopAfterLastObservation(assessment, decision);
    const next = now < announceAt ? announceAt : stopsAt;
    return next > now ? Math.min(intervalSeconds, next - now) : intervalSeconds;
  }

  /** On the VM, so that a restart of the API neither forgets nor prolongs. */
  async function keep({ observation, signals }: Assessment): Promise<void> {
    // An action has its own time, which whoever saw it has written.
    const used = signals.filter(({ name, state }) => state === 'used' && name !== 'actions');
    const unknown = signals.filter(({ state }) => state === 'unknown');
    const notes: { name: SignalName | 'unknown'; at: number; by: string }[] = used.map(
      ({ name, by }) => ({ name, at: observation.now, by: by ?? '' }),
    );
    if (unknown.length > 0)
      notes.push({
        name: 'unknown',
        at: observation.now,
        by: unknown.map(({ name }) => name).join(', '),
      });
    if (notes.length > 0) await host.note(notes, { signal });
  }

  async function stopAfterLastObservation(
    assessment: Assessment,
    decision: Decision,
  ): Promise<void> {
    if (settings.dryRun) {
      tell('stopping', assessment, decision);
      return;
    }
    let last = { assessment, decision };
    try {
      await stop(async () => {
        const again = await assess({ isKept: true, signal });
        last = { assessment: again, decision: judge(again) };
        const { stops, because } = last.decision;
        if (!stops || because === null) throw new StaysOn();
        const { readySince } = again.observation;
        if (!(await host.claimStop({ readySince, because }, { signal }))) throw new StaysOn();
        tell('stopping', again, last.decision);
      });
    } catch (error) {
      if (!(error instanceof StaysOn)) throw error;
      await keep(last.assessment);
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

const sameSeconds = 5;

/** It is used again or kept on by a new lease, or another process stops it. */
class StaysOn extends Error {}
