// Long random sequences of calls, faults, repairs and restarts through two processes: what is answered is true, whatever went before.

import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { recordFigures } from '../reliability/record-figures.ts';
import { until } from '../support/until.ts';
import { watchActions } from './check-accepted-actions.ts';
import { runsOf, tellFirstFailure } from './number-of-sequences.ts';
import { type PowerAction, type Step, steps } from './step.ts';
import { createCounts } from './totals-of-all-sequences.ts';
import { type ChaosAnswer, type ChaosWorld, startChaosWorld } from './world.ts';

const counts = createCounts();

test(
  'what is answered is true, whatever went before',
  async () => {
    const runs = runsOf(100);
    await fc.assert(fc.asyncProperty(steps, tellFirstFailure(run, runs)), runs);
    recordFigures('chaos', counts.toFigures('Over the real protocols, by real time', runs));
  },
  4 * 3_600_000,
);

async function run(sequence: readonly Step[]): Promise<void> {
  await using world = await startChaosWorld();
  using actions = watchActions(world.sandbox);
  for (const [count, step] of sequence.entries()) {
    await take(world, step, count % 2);
    expect(actions.violations()).toEqual([]);
    counts.add(`step ${step.kind}`);
    if (step.kind === 'fault') counts.add(`fault ${step.name}`);
  }
  await recover(world);
  await world.end();
  counts.add('sequences');
}

/** What a power action may have made of the instance by the time of its answer, and a moment later. */
const after: Readonly<Record<PowerAction, readonly string[]>> = {
  start: ['STARTING', 'RUNNING'],
  stop: ['STOPPING', 'STOPPED'],
  reboot: ['STOPPING', 'STARTING', 'RUNNING'],
  reset: ['STOPPING', 'STARTING', 'RUNNING'],
};

async function take(world: ChaosWorld, step: Step, process: number): Promise<void> {
  const { sandbox } = world;
  const changes: string[] = [];
  const forget = sandbox.world.onLifecycle(({ from, to }) => changes.push(`${from} ${to}`));
  const actions = sandbox.oci.count('InstanceAction');
  const posts = () => sandbox.vm.engine.requests.filter(({ method }) => method === 'POST').length;
  const postsBefore = posts();
  try {
    const answers = await send(world, step, process);
    for (const answer of answers) {
      expectTold(answer, step);
      counts.add(`answer ${answer.status}`);
    }
    const isAllowed = 'caller' in step && isAllowedTo(step);
    if ('caller' in step && !isAllowed) {
      for (const { status, text } of answers) expect([401, 403, 503], text).toContain(status);
      expect(sandbox.oci.count('InstanceAction')).toBe(actions);
      expect(posts()).toBe(postsBefore);
    }
    const successes = answers.filter(({ status }) => status === 200);
    if (step.kind === 'power' && isAllowed) {
      // What was refused changed nothing.
      if (successes.length > 0) {
        const states = step.actions.flatMap((action) => after[action]);
        expect(states).toContain(sandbox.world.instance.lifecycleState);
        expect(changes.length).toBeGreaterThan(0);
      }
      if (answers.every(({ status }) => status === 409 || status === 403))
        expect(changes.filter((change) => !isOwnCourse(change))).toEqual([]);
    }
    if (step.kind === 'container' && successes.length > 0) {
      const container = sandbox.vm.engine.containers.find(({ name }) => name === step.name);
      expect(container?.status).toBe(step.action === 'stop' ? 'exited' : 'running');
    }
    if (step.kind === 'wake' && successes.some(({ text }) => JSON.parse(text).ready === true))
      expect(sandbox.world.instance.lifecycleState).toBe('RUNNING');
  } finally {
    forget();
  }
}

/** The end of a transition comes by itself. */
function isOwnCourse(change: string): boolean {
  return /^(?:STARTING|STOPPING) /.test(change);
}

function isAllowedTo(step: Extract<Step, { readonly caller: unknown }>): boolean {
  if (step.caller === 'admin') return true;
  if (step.kind === 'wake' || step.kind === 'lease') return step.caller === 'wake';
  if (step.kind !== 'read') return false;
  const isForWake = /^\/vm\/(?:status|ready|idle)$/.test(step.path);
  return step.caller === 'read' || (step.caller === 'wake' && isForWake);
}

/** A failure is told as one that there is, and no bug. */
function expectTold({ status, text }: ChaosAnswer, step: Step): void {
  const about = `${JSON.stringify(step)}: ${status} ${text.slice(0, 400)}`;
  expect([200, 201, 202, 204, 401, 403, 404, 409, 500, 503], about).toContain(status);
  if (status === 500) expect(text, about).toContain('Docker'); // it was Docker that answered 500
}

async function send(
  world: ChaosWorld,
  step: Step,
  process: number,
): Promise<readonly ChaosAnswer[]> {
  const { sandbox } = world;
  switch (step.kind) {
    case 'power': {
      const { caller } = step;
      return Promise.all(
        step.actions.map((action, n) =>
          world.ask((process + n) % 2, { method: 'POST', path: `/vm/${action}`, caller }),
        ),
      );
    }
    case 'container': {
      const path = `/containers/${step.name}/${step.action}`;
      return [await world.ask(process, { method: 'POST', path, caller: step.caller })];
    }
    case 'wake':
      return [await world.ask(process, { method: 'POST', path: '/vm/wake', caller: step.caller })];
    case 'lease': {
      const body = { minutes: 5, reason: 'chaos' };
      const path = '/vm/leases';
      return [await world.ask(process, { method: 'POST', path, caller: step.caller, body })];
    }
    case 'release': {
      const idle = await world.ask(process, { method: 'GET', path: '/vm/idle', caller: 'admin' });
      const [lease] = idle.status === 200 ? JSON.parse(idle.text).leases : [];
      if (lease === undefined) return [idle];
      const path = `/vm/leases/${lease.id}`;
      return [idle, await world.ask(process, { method: 'DELETE', path, caller: 'admin' })];
    }
    case 'read':
      return [await world.ask(process, { method: 'GET', path: step.path, caller: step.caller })];
    case 'fault':
      world.begin(step.name);
      return [];
    case 'impostor': {
      await world.replaceHostKey();
      const [commands, requests] = [sandbox.vm.commands.length, sandbox.vm.engine.requests.length];
      const path = '/containers/nginx/restart';
      const answer = await world.ask(process, { method: 'POST', path, caller: 'admin' });
      expect(answer.status, answer.text).toBe(503);
      // Whoever is not vouched for gets nothing to read.
      expect(sandbox.vm.commands).toHaveLength(commands);
      expect(sandbox.vm.engine.requests).toHaveLength(requests);
      return [answer];
    }
    case 'repair':
      world.repair();
      return [];
    case 'restart':
      await world.restart(step.process);
      return [];
  }
}

/** Once all is whole again both processes serve, every job has ended, and nothing is left open. */
async function recover(world: ChaosWorld): Promise<void> {
  const { sandbox } = world;
  world.repair();
  const settled = () => /^(?:RUNNING|STOPPED)$/.test(sandbox.world.instance.lifecycleState);
  await until('the instance to settle', settled);
  for (const process of [0, 1]) {
    await until(`process ${process} to serve again`, async () => {
      await world.ask(process, { method: 'POST', path: '/vm/wake', caller: 'admin' });
      const list = await world.ask(process, { method: 'GET', path: '/containers', caller: 'read' });
      return list.status === 200;
    });
    const jobs = await world.ask(process, { method: 'GET', path: '/jobs', caller: 'read' });
    expect(jobs.status, jobs.text).toBe(200);
    for (const { state } of JSON.parse(jobs.text)) expect(state).not.toBe('running');
  }
}
