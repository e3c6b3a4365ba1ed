// Carries out OCI's instance actions: which is allowed when, and the states each goes through.

import type { LifecycleState, World } from '../instance-state.ts';
import { beingModified, OciError } from './answers.ts';

export const instanceActions = ['START', 'STOP', 'SOFTSTOP', 'RESET', 'SOFTRESET'] as const;
export type InstanceAction = (typeof instanceActions)[number];

export interface Lifecycle {
  /** Begins the action: the instance is STARTING or STOPPING when this returns. Throws `OciError` 409 where it makes no sense. */
  act(action: InstanceAction): void;
  /** Ends whatever is under way, wherever it stands; no timer is left. */
  close(): void;
}

interface Step {
  readonly state: LifecycleState;
  readonly afterMs: number;
}

/** Transitions take the world's durations; a state set by hand meanwhile wins over the one under way. */
export function createLifecycle(world: World): Lifecycle {
  let timer: NodeJS.Timeout | undefined;
  let forcible = false;
  let moving = false;

  const stop = (): void => {
    clearTimeout(timer);
    timer = undefined;
  };
  const move = (state: LifecycleState): void => {
    moving = true;
    try {
      world.setLifecycleState(state);
    } finally {
      moving = false;
    }
  };
  const follow = ([step, ...rest]: readonly Step[]): void => {
    if (step === undefined) {
      timer = undefined;
      return;
    }
    timer = setTimeout(() => {
      move(step.state);
      follow(rest);
    }, step.afterMs);
  };
  const unsubscribe = world.onLifecycle(() => {
    if (!moving) stop();
  });

  return {
    act(action) {
      const { id, lifecycleState } = world.instance;
      const force = action === 'STOP' || action === 'RESET';
      if (timer !== undefined && !(force && forcible)) throw beingModified(id);
      const stuck = lifecycleState === 'STARTING' || lifecycleState === 'STOPPING';
      const fits =
        action === 'START'
          ? lifecycleState === 'STOPPED'
          : lifecycleState === 'RUNNING' || (force && stuck);
      if (!fits) {
        throw new OciError(
          409,
          'IncorrectState',
          `The instance ${id} is in state ${lifecycleState}, which does not allow the action ${action}.`,
        );
      }
      stop();
      forcible = action === 'SOFTSTOP' || action === 'SOFTRESET';
      const { first, rest } = planAction(action, world);
      move(first);
      follow(rest);
    },
    close() {
      unsubscribe();
      stop();
    },
  };
}

function planAction(
  action: InstanceAction,
  { durations }: World,
): { readonly first: LifecycleState; readonly rest: readonly Step[] } {
  const running: Step = { state: 'RUNNING', afterMs: durations.startMs };
  switch (action) {
    case 'START':
      return { first: 'STARTING', rest: [running] };
    case 'STOP':
      return { first: 'STOPPING', rest: [{ state: 'STOPPED', afterMs: durations.stopMs }] };
    case 'SOFTSTOP':
      return { first: 'STOPPING', rest: [{ state: 'STOPPED', afterMs: durations.softStopMs }] };
    case 'RESET':
      return {
        first: 'STOPPING',
        rest: [{ state: 'STARTING', afterMs: durations.stopMs }, running],
      };
    case 'SOFTRESET':
      return {
        first: 'STOPPING',
        rest: [{ state: 'STARTING', afterMs: durations.softStopMs }, running],
      };
  }
}
