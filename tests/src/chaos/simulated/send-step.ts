// A step as calls of the API: what is sent, by whom, and what is answered.

import type { ChaosAnswer } from '../world.ts';
import type { Step } from './step.ts';
import { type SimulatedRequest, type SimulatedWorld, settle } from './world.ts';

export async function send(
  world: SimulatedWorld,
  step: Step,
  process: number,
): Promise<readonly ChaosAnswer[]> {
  const { machine } = world;
  const post = (path: string, more: Partial<SimulatedRequest> = {}): SimulatedRequest => ({
    ...{ method: 'POST', path, caller: 'caller' in step ? step.caller : 'admin' },
    ...more,
  });
  /** All at once, to both processes in turns. */
  const ask = (...requests: readonly SimulatedRequest[]) =>
    settle(Promise.all(requests.map((request, n) => world.ask((process + n) % 2, request))));
  const repeat = (times: number, request: SimulatedRequest) =>
    ask(...Array.from({ length: times }, () => request));

  switch (step.kind) {
    case 'power':
      return ask(...step.actions.map((action) => post(`/vm/${action}`)));
    case 'container':
      return ask(post(`/containers/${step.name}/${step.action}`));
    case 'rebuild': {
      const prefer = step.waits ? 'wait=120' : 'respond-async';
      return repeat(step.atOnce, post(`/containers/${step.name}/rebuild`, { prefer }));
    }
    case 'cancel': {
      const job = [...machine.jobs.values()].at(-1);
      return job === undefined ? [] : ask(post(`/jobs/${job.id}/cancel`));
    }
    case 'wake': {
      const body = step.minutes === undefined ? {} : { minutes: step.minutes, reason: 'chaos' };
      const prefer = `wait=${step.waitSeconds}`;
      return repeat(step.atOnce, post('/vm/wake', { body, prefer }));
    }
    case 'lease':
      return ask(post('/vm/leases', { body: { minutes: step.minutes, reason: 'chaos' } }));
    case 'release': {
      const [lease] = machine.heldLeases();
      if (lease === undefined) return [];
      return ask({ method: 'DELETE', path: `/vm/leases/${lease.id}`, caller: 'admin' });
    }
    case 'read':
      return ask({ method: 'GET', path: step.path, caller: step.caller });
    case 'use':
      if (!step.begins) machine.used.delete(step.of);
      else if (machine.isOn && !machine.used.has(step.of)) machine.used.set(step.of, machine.now());
      return [];
    case 'pass':
      await pass(step.minutes);
      return [];
    case 'fault':
      machine.faults.add(step.name);
      return [];
    case 'repair':
      machine.faults.clear();
      return [];
    case 'restart': {
      if (!step.isWaking) {
        await settle(world.restart(step.process));
        return [];
      }
      const waking = world.ask(step.process, post('/vm/wake', { prefer: 'wait=90' }));
      await pass(0.1);
      await settle(world.restart(step.process));
      return [await settle(waking)];
    }
  }
}

export function pass(minutes: number): Promise<void> {
  return settle(new Promise((resolve) => setTimeout(resolve, minutes * 60_000)));
}
