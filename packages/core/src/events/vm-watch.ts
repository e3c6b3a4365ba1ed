// Polls the VM's state from OCI, which sends no events: often during transitions, rarely while the state is stable.

import type { Clock } from '../adapter-ports.ts';
import { withDeadline } from '../concurrency/deadline.ts';
import { type PollLoop, startPollLoop } from '../concurrency/poll-loop.ts';
import type { OnDemandEvent } from '../model/event.ts';
import type { LifecycleState } from '../model/vm.ts';
import type { Vm } from '../vm/vm.ts';

export interface VmWatchOptions {
  readonly vm: Pick<Vm, 'status'>;
  readonly clock: Clock;
  readonly publish: (event: OnDemandEvent) => void;
  /** Called with every state that OCI reports, changed or not. */
  readonly onSeen: (state: LifecycleState) => void;
  readonly transitionMs: number;
  readonly stableMs: number;
  readonly signal: AbortSignal;
}

export interface VmWatch extends Pick<PollLoop, 'done'> {
  /** The last that OCI gave. */
  readonly state: LifecycleState | undefined;
  /** Call after an action on the VM: polls now, and often for a minute, since OCI may show the old state for a while. Resolves after the first poll; never rejects. */
  check(): Promise<void>;
  /** Resolves once OCI was asked for the first time, whatever it said; never rejects. */
  readonly asked: Promise<void>;
}

/** An event for each change; the first state of all is none, unless OCI could not give it at once. */
export function watchVm({
  vm,
  clock,
  publish,
  onSeen,
  transitionMs,
  stableMs,
  signal,
}: VmWatchOptions): VmWatch {
  let state: LifecycleState | undefined;
  let failures = 0;
  let fastPolls = 0;
  let settleAsked = () => {};
  const asked = new Promise<void>((resolve) => {
    settleAsked = resolve;
  });

  const loop = startPollLoop({ poll: check, minIntervalMs: Math.min(50, transitionMs), signal });
  signal.addEventListener('abort', () => settleAsked(), { once: true });

  return {
    get state() {
      return state;
    },
    check() {
      fastPolls = fastPollsAfterCheck;
      return loop.call();
    },
    asked,
    done: loop.done,
  };

  async function check(): Promise<number> {
    try {
      const seen = await withDeadline((inner) => vm.status({ address: false, signal: inner }), {
        timeoutMs: maxPollMs,
        signal,
        onTimeout: () => new Error('OCI did not say in time what the VM is doing'),
      });
      take(seen.lifecycleState);
      failures = 0;
    } catch {
      failures += 1;
    }
    settleAsked();
    if (failures > 0) return Math.min(transitionMs * 2 ** Math.min(failures - 1, 10), stableMs);
    fastPolls = Math.max(0, fastPolls - 1);
    return fastPolls > 0 || !isStable(state) ? transitionMs : stableMs;
  }

  function take(lifecycleState: LifecycleState): void {
    const isBaseline = state === undefined && failures === 0;
    const previous = state ?? null;
    state = lifecycleState;
    if (!isBaseline && previous !== lifecycleState) {
      publish({ type: 'vm', time: clock.now().toISOString(), lifecycleState, previous });
    }
    onSeen(lifecycleState);
  }
}

/** With the pause in transition, about a minute. */
const fastPollsAfterCheck = 12;
const maxPollMs = 40_000;

function isStable(state: LifecycleState | undefined): boolean {
  return state === 'RUNNING' || state === 'STOPPED' || state === 'TERMINATED';
}
