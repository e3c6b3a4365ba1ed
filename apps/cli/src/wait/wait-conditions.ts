// What --wait waits for, decided from what the API said of the VM so far; no I/O.

import type { VmReady } from '@ondemand/client';

export type Verdict =
  | { readonly kind: 'reached' }
  | { readonly kind: 'waiting' }
  /** It cannot come any more; `why` says what happened instead. */
  | { readonly kind: 'lost'; readonly why: string };

export interface Goal {
  /** Completes "wait until …". */
  readonly wanted: string;
  /** `observations` has at least one, the last is the present. */
  judge(observations: readonly VmReady[], elapsedMs: number): Verdict;
}

export const started: Goal = {
  wanted: 'SSH and Docker answer',
  judge(observations) {
    const last = observations.at(-1);
    if (last?.ready === true) return reached;
    if (isGone(last)) return lost(`the VM is ${stateOf(last)}`);
    if (last?.phase === 'off-inside') return lost(offInside);
    const wasUp = observations.some(isIn('STARTING', 'RUNNING'));
    return wasUp && isDown(last)
      ? lost(`the VM is ${stateOf(last)} again, so something stopped it or OCI could not run it`)
      : waiting;
  },
};

export const stopped: Goal = {
  wanted: 'the VM is STOPPED',
  judge(observations) {
    const last = observations.at(-1);
    if (stateOf(last) === 'STOPPED') return reached;
    if (isGone(last)) return lost(`the VM is ${stateOf(last)}`);
    const wasDown = observations.some(isIn('STOPPING'));
    return wasDown && last !== undefined && isIn('STARTING', 'RUNNING')(last)
      ? lost(`the VM is ${stateOf(last)} again, so something started it`)
      : waiting;
  },
};

export const restarted: Goal = {
  wanted: 'SSH and Docker answer again',
  judge(observations, elapsedMs) {
    const last = observations.at(-1);
    if (isGone(last)) return lost(`the VM is ${stateOf(last)}`);
    if (last?.phase === 'off-inside') return lost(offInside);
    if (last?.ready !== true) return waiting;
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
const offInside = 'its system has shut down, though OCI says RUNNING';

function lost(why: string): Verdict {
  return { kind: 'lost', why };
}

function stateOf(ready: VmReady | undefined): string | undefined {
  return ready?.vm.lifecycleState;
}

function isIn(...states: readonly string[]): (ready: VmReady) => boolean {
  return (ready) => states.includes(stateOf(ready) ?? '');
}

/** And nothing is about to start it. */
function isDown(ready: VmReady | undefined): boolean {
  return ready?.phase === 'asleep' || ready?.phase === 'stopping';
}

function wasAway({ vm: { lifecycleState }, ssh }: VmReady): boolean {
  return lifecycleState === undefined ? false : lifecycleState !== 'RUNNING' || !ssh.ok;
}

function isGone(ready: VmReady | undefined): boolean {
  return stateOf(ready) === 'TERMINATING' || stateOf(ready) === 'TERMINATED';
}
