// Calls that need a running VM: one that is off is reported at once, instead of after an SSH timeout.

import type { Compute, Link } from '../adapter-ports.ts';
import { AppError, isAppError } from '../app-error.ts';
import { withDeadline } from '../concurrency/deadline.ts';
import { type LifecycleState, transitionTexts, vmId } from '../model/vm.ts';

export interface VmReachOptions {
  readonly compute: Compute;
  readonly link: Link;
  /** How long a failed call may wait for OCI to say why. */
  readonly explainTimeoutMs?: number;
}

export interface VmReach {
  /**
   * Runs `work`; unless the VM is connected, OCI is asked at the same time, and a VM that does not run stops the work.
   * Throws `SERVICE_UNAVAILABLE` with `details.lifecycleState` then, else what `work` threw. OCI out of reach never makes a work fail that succeeds.
   */
  reach<T>(work: (signal: AbortSignal) => Promise<T>, signal?: AbortSignal): Promise<T>;
  /** Runs `work` and lets nothing stop it; a `SERVICE_UNAVAILABLE` of a VM that does not run says so. */
  explain<T>(work: () => Promise<T>): Promise<T>;
}

export function createVmReach({ compute, link, explainTimeoutMs = 2000 }: VmReachOptions): VmReach {
  return {
    async reach(work, signal) {
      const stop = new AbortController();
      const asking = new AbortController();
      const onAbort = () => stop.abort(signal?.reason);
      if (signal?.aborted) throw signal.reason;
      signal?.addEventListener('abort', onAbort, { once: true });
      const state = link.connected ? undefined : askState(asking.signal);
      state?.then((answer) => {
        if (answer !== undefined && answer !== 'RUNNING') stop.abort(notRunning(answer));
      });
      try {
        return await work(stop.signal);
      } catch (error) {
        if (signal?.aborted) throw signal.reason;
        if (stop.signal.aborted) throw stop.signal.reason;
        throw await explained(error, state);
      } finally {
        if (state !== undefined) asking.abort(); // an abort makes an error with its stack
        signal?.removeEventListener('abort', onAbort);
      }
    },
    async explain(work) {
      try {
        return await work();
      } catch (error) {
        throw await explained(error);
      }
    },
  };

  /** `undefined` when OCI does not say: never a reason for a failure of its own. */
  function askState(signal: AbortSignal): Promise<LifecycleState | undefined> {
    return compute.getInstance({ signal }).then(
      ({ lifecycleState }) => lifecycleState,
      () => undefined,
    );
  }

  async function explained(
    error: unknown,
    asked?: Promise<LifecycleState | undefined>,
  ): Promise<unknown> {
    if (!isAppError(error, 'SERVICE_UNAVAILABLE')) return error;
    if (error.details.lifecycleState !== undefined) return error;
    const state = await withDeadline((signal) => asked ?? askState(signal), {
      timeoutMs: explainTimeoutMs,
      onTimeout: () => undefined,
    }).catch(() => undefined);
    if (state === undefined || state === 'RUNNING') return error;
    const details = { ...error.details, lifecycleState: state };
    // What became of an action stays the first thing to say.
    return error.details.outcome === undefined
      ? notRunning(state, error)
      : new AppError(error.code, error.message, { text: error.text, details, cause: error });
  }
}

function notRunning(lifecycleState: LifecycleState, cause?: unknown): AppError {
  const advice = adviceFor[lifecycleState] ?? `look at GET /vm/status, and try again`;
  return new AppError(
    'SERVICE_UNAVAILABLE',
    `${vmId} is not running (${lifecycleState}): ${advice}`,
    { text: toStateText(lifecycleState), details: { lifecycleState }, cause },
  );
}

function toStateText(state: LifecycleState) {
  return state === 'STOPPED' || state === 'RUNNING' ? 'VM not running' : transitionTexts[state];
}

const adviceFor: Partial<Record<LifecycleState, string>> = {
  STOPPED: 'start it with POST /vm/start, and try again once it runs',
  STOPPING: 'once it has stopped, start it with POST /vm/start',
  STARTING: 'try again in a minute',
  PROVISIONING: 'try again in a few minutes',
  TERMINATED: 'the instance was deleted; point OCI_INSTANCE_ID at another one',
  TERMINATING: 'the instance is being deleted; point OCI_INSTANCE_ID at another one',
};
