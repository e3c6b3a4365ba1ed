// What --wait waits for, decided from the observations so far; no I/O.

import type { LifecycleState } from '@ondemand/client';
import { type ExitCode, exitCodes } from '../exit-codes.ts';

/** One observation of the VM. */
export interface Observation {
  /** Undefined when OCI could not be asked. */
  readonly state: LifecycleState | undefined;
  /** Whether the containers could be listed, which takes SSH and Docker; undefined when that was not asked. */
  readonly answers: boolean | undefined;
  readonly elapsedMs: number;
}

export type Verdict =
  | { readonly kind: 'reached' }
  | { readonly kind: 'waiting' }
  /** It cannot come any more; `why` says what happened instead. */
  | { readonly kind: 'lost'; readonly why: string };

export interface Goal {
  /** Completes "wait until …". */
  readonly wanted: string;
  /** Whether a poll also tries SSH and Docker once the VM is RUNNING. */
  readonly needsDocker: boolean;
  /** How the process ends when the time is up. */
  readonly timeoutExit: ExitCode;
  /** `observations` has at least one, the last is the present. */
  judge(observations: readonly Observation[]): Verdict;
}

export const started: Goal = {
  wanted: 'SSH and Docker answer',
  needsDocker: true,
  timeoutExit: exitCodes.unavailable,
  judge(observations) {
    const { state, answers } = lastOf(observations);
    if (isGone(state)) return lost(`the VM is ${state}`);
    if (state === 'RUNNING' && answers === true) return reached;
    const wasUp = observations.some(
      (observation) => observation.state === 'STARTING' || observation.state === 'RUNNING',
    );
    if (wasUp && (state === 'STOPPING' || state === 'STOPPED')) {
      return lost(`the VM is ${state} again, so something stopped it or OCI could not run it`);
    }
    return waiting;
  },
};

export const stopped: Goal = {
  wanted: 'the VM is STOPPED',
  needsDocker: false,
  timeoutExit: exitCodes.failed,
  judge(observations) {
    const { state } = lastOf(observations);
    if (state === 'STOPPED') return reached;
    if (isGone(state)) return lost(`the VM is ${state}`);
    const wasDown = observations.some((observation) => observation.state === 'STOPPING');
    if (wasDown && (state === 'STARTING' || state === 'RUNNING')) {
      return lost(`the VM is ${state} again, so something started it`);
    }
    return waiting;
  },
};

export const restarted: Goal = {
  wanted: 'SSH and Docker answer again',
  needsDocker: true,
  timeoutExit: exitCodes.unavailable,
  judge(observations) {
    const { state, answers, elapsedMs } = lastOf(observations);
    if (isGone(state)) return lost(`the VM is ${state}`);
    if (state !== 'RUNNING' || answers !== true) return waiting;
    if (observations.some(wasAway)) return reached;
    return elapsedMs < unseenMs
      ? waiting
      : lost(
          'they answer, but the VM was never seen going down, so whether it restarted is unknown',
        );
  },
};

/** After this long without an observation of the restart, it is taken as not having happened. */
export const unseenMs = 60_000;

const reached: Verdict = { kind: 'reached' };
const waiting: Verdict = { kind: 'waiting' };

function lost(why: string): Verdict {
  return { kind: 'lost', why };
}

function wasAway({ state, answers }: Observation): boolean {
  return answers === false || (state !== undefined && state !== 'RUNNING');
}

function isGone(state: LifecycleState | undefined): boolean {
  return state === 'TERMINATING' || state === 'TERMINATED';
}

function lastOf(observations: readonly Observation[]): Observation {
  return observations.at(-1) ?? { state: undefined, answers: undefined, elapsedMs: 0 };
}
