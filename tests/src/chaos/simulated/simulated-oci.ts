// The instance as OCI has it, in memory: versions, transitions, faults, and a list of every action that was accepted.

import { AppError, type Compute, type LifecycleState, type VmAction } from '@ondemand/core';
import { pause } from './random.ts';
import type { FaultName } from './step.ts';

export interface AcceptedAction {
  readonly action: VmAction;
  /** Which process of the API sent it. */
  readonly process: number;
  /** The version that it was sent for, and the one there was. */
  readonly ifMatch: string;
  readonly etag: string;
  readonly from: LifecycleState;
}

export interface Cloud extends Disposable {
  readonly state: LifecycleState;
  readonly accepted: readonly AcceptedAction[];
  /** Every action that was sent, whatever came of it. */
  readonly sent: readonly VmAction[];
  /** Calls that have not been answered yet. */
  readonly underWay: number;
  connect(process: number): Compute & Disposable;
}

export interface CloudOptions {
  readonly random: () => number;
  readonly faults: ReadonlySet<FaultName>;
  readonly onState: (state: LifecycleState) => void;
  readonly onAccepted: (action: AcceptedAction) => void;
}

/** RUNNING; refuses what OCI refuses, and as OCI takes an action without a version in whatever version there is. */
export function createCloud({ random, faults, onState, onAccepted }: CloudOptions): Cloud {
  const accepted: AcceptedAction[] = [];
  const sent: VmAction[] = [];
  let [state, version]: [LifecycleState, number] = ['RUNNING', 1];
  let timer: NodeJS.Timeout | undefined;
  let isSoft = false;
  let underWay = 0;

  function move(to: LifecycleState): void {
    state = to;
    version += 1;
    onState(to);
  }

  function follow([next, ...rest]: readonly (readonly [LifecycleState, number])[]): void {
    const [to, seconds] = next ?? [];
    timer = undefined;
    if (to === undefined || seconds === undefined) return;
    timer = setTimeout(() => {
      move(to);
      follow(rest);
    }, seconds * 1000);
  }

  function run(action: VmAction): void {
    const isForced = action === 'STOP' || action === 'RESET';
    const fits = action === 'START' ? state === 'STOPPED' : state === 'RUNNING' || isForced;
    if (!fits || state === 'STARTING' || (timer !== undefined && !(isForced && isSoft)))
      throw new AppError('CONFLICT', `OCI refuses ${action} while ${state}`);
    clearTimeout(timer);
    isSoft = action.startsWith('SOFT');
    const offSeconds = isSoft ? 40 : 10;
    if (action === 'START') {
      move('STARTING');
      follow([['RUNNING', 20]]);
    } else {
      move('STOPPING');
      const isReset = action.endsWith('RESET');
      follow(
        isReset
          ? [
              ['STARTING', offSeconds],
              ['RUNNING', 20],
            ]
          : [['STOPPED', offSeconds]],
      );
    }
  }

  async function answer<T>(signal: AbortSignal, work: () => T): Promise<T> {
    underWay += 1;
    try {
      await pause(5 + random() * (faults.has('oci-slow') ? 4000 : 60), signal);
      if (faults.has('oci-500')) throw unavailable({});
      const result = work();
      await pause(5 + random() * 60, signal);
      return result;
    } finally {
      underWay -= 1;
    }
  }

  return {
    get state() {
      return state;
    },
    get underWay() {
      return underWay;
    },
    ...{ accepted, sent },
    connect: (process) => connect(process, new AbortController()),
    [Symbol.dispose]: () => clearTimeout(timer),
  };

  function connect(process: number, ending: AbortController): Compute & Disposable {
    const until = (signal?: AbortSignal) =>
      signal ? AbortSignal.any([signal, ending.signal]) : ending.signal;
    return {
      [Symbol.dispose]: () => ending.abort(unavailable({})),
      getInstance: ({ signal } = {}) =>
        answer(until(signal), () => ({
          lifecycleState: state,
          displayName: 'vm',
          etag: String(version),
        })),
      getPublicIp: ({ signal } = {}) => answer(until(signal), () => '203.0.113.7'),
      async act(action, { etag: ifMatch, signal }) {
        sent.push(action);
        await answer(until(signal), () => {
          if (faults.has('oci-lost-request')) throw unavailable({ outcome: 'unknown' });
          if (action === 'START' && faults.has('oci-capacity'))
            throw unavailable({ reason: 'OUT_OF_CAPACITY' });
          const [etag, from] = [String(version), state];
          if (ifMatch !== '' && ifMatch !== etag)
            throw new AppError('CONFLICT', 'OCI has another version');
          run(action);
          const taken = { action, process, ifMatch, etag, from };
          accepted.push(taken);
          onAccepted(taken);
          if (faults.has('oci-lost-answer')) throw unavailable({ outcome: 'unknown' });
        });
      },
    };
  }
}

function unavailable(details: object): AppError {
  return new AppError('SERVICE_UNAVAILABLE', 'OCI does not answer as it should', {
    text: 'OCI not reachable',
    details: { ...details },
  });
}
