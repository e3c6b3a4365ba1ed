// Decides whether an action took effect, by comparing the container before and after; no I/O.

import { toState } from '../format/to-container.ts';
import type { ContainerInspect } from './schemas.ts';

export type EngineAction = 'start' | 'stop' | 'restart';

/** What of a container tells whether an action happened. Times are only compared for being the same: the VM's clock may be wrong. */
export interface Observation {
  readonly running: boolean;
  readonly startedAt: string;
}

export function toObservation({ State }: ContainerInspect): Observation {
  const { Status, Running, StartedAt } = State;
  const state = Status ? toState(Status, '') : undefined;
  return {
    // A container that crashes in a loop counts as running, as it does for Docker's own stop.
    running:
      state === undefined
        ? (Running ?? false)
        : state === 'running' || state === 'restarting' || state === 'paused',
    startedAt: StartedAt ?? '',
  };
}

/**
 * What the action did, when that is proven by what is seen now (`undefined`: the container is gone); `undefined` while it is not.
 * A stop is proven by a container that does not run (or, with `--rm`, is gone); start and restart by a start that was not there before.
 */
export function judgeOutcome(
  action: EngineAction,
  before: Observation,
  after: Observation | undefined,
): { readonly changed: boolean } | undefined {
  if (action === 'stop') {
    return after?.running === true ? undefined : { changed: before.running };
  }
  if (after === undefined) return undefined;
  if (after.startedAt !== before.startedAt) return { changed: true };
  return action === 'start' && before.running && after.running ? { changed: false } : undefined;
}
