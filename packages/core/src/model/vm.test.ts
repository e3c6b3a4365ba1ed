// The rules for power actions as tables over every state.

import { describe, expect, test } from 'vitest';
import { maxTransitionMs } from './defaults-limits-timeouts.ts';
import {
  checkAction,
  type LifecycleState,
  lifecycleStates,
  provesAction,
  type VmAction,
  vmActions,
} from './vm.ts';

const fresh = { inTransitionMs: 0 };
const stuck = { inTransitionMs: maxTransitionMs + 1 };

function allowedStates(action: VmAction, seen: { inTransitionMs: number }): LifecycleState[] {
  return lifecycleStates.filter((state) => checkAction(action, state, seen).allowed);
}

describe('checkAction()', () => {
  test.each<[VmAction, LifecycleState[], LifecycleState[]]>([
    ['START', ['STOPPED'], ['STOPPED']],
    ['STOP', ['RUNNING'], ['RUNNING', 'STARTING', 'STOPPING']],
    ['SOFTRESET', ['RUNNING'], ['RUNNING']],
    ['RESET', ['RUNNING'], ['RUNNING', 'STARTING', 'STOPPING']],
  ])('%s is allowed in %j, and when that is stuck in %j', (action, whenFresh, whenStuck) => {
    expect(allowedStates(action, fresh)).toEqual(whenFresh);
    expect(allowedStates(action, stuck)).toEqual(whenStuck);
  });

  test('exactly 15 minutes are not longer than 15 minutes', () => {
    expect(maxTransitionMs).toBe(900_000);
    expect(checkAction('RESET', 'STOPPING', { inTransitionMs: 900_000 }).allowed).toBe(false);
  });

  test.each(vmActions)(
    'every refusal of %s begins with what the VM does and names the state',
    (action) => {
      for (const state of lifecycleStates) {
        const check = checkAction(action, state, fresh);
        if (!check.allowed) expect([check.text, check.message]).toEqual(told(state));
      }
    },
  );

  /** What a refusal in that state says in short, and how its message begins. */
  function told(state: LifecycleState): unknown[] {
    const text = {
      MOVING: 'VM in transition',
      PROVISIONING: 'VM is being created',
      RUNNING: 'VM already running/stopped',
      STARTING: 'VM is starting',
      STOPPING: 'VM is stopping',
      STOPPED: 'VM already running/stopped',
      CREATING_IMAGE: 'VM image is being made',
      TERMINATING: 'VM is being deleted',
      TERMINATED: 'VM was deleted',
    }[state];
    const start =
      { RUNNING: 'VM already running', STOPPED: 'VM already stopped' }[state as string] ?? text;
    return [text, expect.stringMatching(new RegExp(`^${start}: .* is ${state}; `))];
  }
});

describe('provesAction()', () => {
  test.each<[VmAction, LifecycleState, LifecycleState, boolean]>([
    ['START', 'STOPPED', 'STARTING', true],
    ['START', 'STOPPED', 'RUNNING', true],
    ['START', 'STOPPED', 'STOPPED', false],
    ['STOP', 'RUNNING', 'STOPPING', true],
    ['STOP', 'RUNNING', 'STOPPED', true],
    ['STOP', 'RUNNING', 'RUNNING', false],
    ['STOP', 'STOPPING', 'STOPPING', false],
    ['STOP', 'STOPPING', 'STOPPED', true],
    ['STOP', 'RUNNING', 'TERMINATED', false],
    ['RESET', 'RUNNING', 'STARTING', false],
    ['SOFTRESET', 'RUNNING', 'STOPPING', false],
  ])('%s from %s to %s: %s', (action, before, after, proven) => {
    expect(provesAction(action, before, after)).toBe(proven);
  });
});
