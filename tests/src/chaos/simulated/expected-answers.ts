// What the answers to a step may be, given what was true of the cloud and the VM before and after it.

import { expect } from 'vitest';
import type { PowerAction } from '../step.ts';
import type { ChaosAnswer } from '../world.ts';
import type { Step } from './step.ts';
import type { SimulatedWorld } from './world.ts';

/** What is true of the world at a moment. */
export interface Snapshot {
  readonly state: string;
  readonly accepted: number;
  readonly sent: number;
  readonly changes: number;
  readonly leases: number;
  readonly jobs: ReadonlySet<string>;
  readonly running: ReadonlySet<string>;
}

export function takeSnapshot({ cloud, machine }: SimulatedWorld): Snapshot {
  const jobs = [...machine.jobs.values()];
  return {
    state: cloud.state,
    accepted: cloud.accepted.length,
    sent: cloud.sent.length,
    changes: machine.changes.length,
    leases: machine.leases.size,
    jobs: new Set(jobs.map(({ id }) => id)),
    running: new Set(jobs.filter(({ state }) => state === 'running').map(({ id }) => id)),
  };
}

const sentFor = { start: 'START', stop: 'STOP', reboot: 'SOFTRESET', reset: 'RESET' } as const;

/** Throws where an answer is not true. */
export function expectTrue(
  world: SimulatedWorld,
  step: Step,
  before: Snapshot,
  answers: readonly ChaosAnswer[],
): void {
  const { cloud, machine } = world;
  const taken = cloud.accepted.slice(before.accepted);
  for (const answer of answers) expectTold(step, answer);
  for (const { action, etag, ifMatch, from } of taken) {
    // Two that were sent for one version would both change it.
    expect(ifMatch, `${action} was accepted in another version than it was meant for`).toBe(etag);
    expect(from, `${action} was accepted`).toBe(action === 'START' ? 'STOPPED' : 'RUNNING');
  }
  const byCallers = taken.filter(({ action }) => action !== 'SOFTSTOP');
  if ('caller' in step && !isAllowed(step)) {
    for (const { status, text } of answers) expect([401, 403, 503], text).toContain(status);
    expect(cloud.sent.slice(before.sent).filter((each) => each !== 'SOFTSTOP')).toEqual([]);
    expect(machine.changes).toHaveLength(before.changes);
    expect(machine.leases.size).toBe(before.leases);
    return;
  }
  const told = answers.map((answer) => ({ ...answer, body: toJson(answer.text) }));
  const successes = told.filter(({ status }) => status === 200 || status === 201);
  const unknown = told.filter(({ body }) => body.details?.outcome === 'unknown');
  switch (step.kind) {
    case 'power': {
      for (const { body } of successes)
        expect(
          taken.map(({ action }) => action),
          'what was told as initiated',
        ).toContain(body.action);
      expect(byCallers.length, 'actions accepted').toBeGreaterThanOrEqual(successes.length);
      expect(byCallers.length, 'actions accepted').toBeLessThanOrEqual(
        successes.length + unknown.length,
      );
      const asked: readonly string[] = step.actions.map((action: PowerAction) => sentFor[action]);
      for (const { action } of byCallers) expect(asked).toContain(action);
      break;
    }
    case 'container':
      for (const { body } of successes) {
        if (body.changed === true)
          expect(machine.changes.slice(before.changes)).toContain(`${step.action} ${step.name}`);
        const state = machine.containers.get(step.name)?.state;
        expect(state, 'after the success').toBe(step.action === 'stop' ? 'exited' : 'running');
      }
      break;
    case 'rebuild':
      for (const { status, body } of told) expectTrueRebuild(world, before, status, body);
      break;
    case 'cancel':
      for (const { body } of successes)
        expect(machine.jobs.get(String(body.id))?.state).toBe('cancelled');
      break;
    case 'wake':
    case 'restart':
      for (const { body } of successes) {
        // An idle stop may come right after the answer.
        if (body.ready === true && byCallers.length === taken.length)
          expect([cloud.state, machine.isOn]).toEqual(['RUNNING', true]);
        if (body.lease !== undefined) expect(machine.leases.has(body.lease.id)).toBe(true);
      }
      expect(byCallers.length, 'STARTs').toBeLessThanOrEqual(1);
      break;
    case 'lease':
      for (const { body } of successes)
        expect(machine.heldLeases().map(({ id }) => id)).toContain(body.id);
      break;
    case 'release':
      for (const { body } of successes)
        expect(machine.heldLeases().map(({ id }) => id)).not.toContain(body.id);
      break;
    case 'read':
      for (const { text } of successes) expectTrueReading(world, step.path, before, text);
  }
}

function expectTrueRebuild(
  { machine }: SimulatedWorld,
  before: Snapshot,
  status: number,
  body: Body,
): void {
  const fresh = [...machine.jobs.values()].filter(({ id }) => !before.jobs.has(id));
  const states = fresh.map(({ state }) => state);
  if (status === 200) expect(states, 'after the success').toContain('succeeded');
  if (status === 202) expect(fresh.map(({ id }) => id)).toContain(body.job);
  if (status === 500)
    expect(states.some((state) => state === 'failed' || state === 'lost')).toBe(true);
  if (status === 409 && body.details?.job !== undefined)
    expect([...machine.jobs.keys()]).toContain(body.details.job);
}

/** What has not changed meanwhile is told as it is. */
function expectTrueReading(
  { cloud, machine }: SimulatedWorld,
  path: string,
  before: Snapshot,
  text: string,
): void {
  const body = JSON.parse(text);
  if (path === '/vm/status' && before.state === cloud.state)
    expect(body.lifecycleState).toBe(cloud.state);
  if (path === '/jobs') expectTrueJobs(machine, before, body);
}

/** One that is told as ended has ended so; one that is told as running did run. */
export function expectTrueJobs(
  machine: SimulatedWorld['machine'],
  before: Snapshot,
  jobs: readonly { readonly id: string; readonly state: string }[],
): void {
  for (const { id, state } of jobs) {
    if (state === 'running') expect(before.running.has(id), `job ${id} told as running`).toBe(true);
    else expect(state, `job ${id}`).toBe(machine.jobs.get(id)?.state);
  }
}

/** A failure is told as one that there is, and no bug. */
function expectTold(step: Step, { status, text }: ChaosAnswer): void {
  const about = `${JSON.stringify(step)}: ${status} ${text.slice(0, 400)}`;
  expect([200, 201, 202, 401, 403, 404, 409, 500, 503], about).toContain(status);
  if (status === 500) expect(text, about).toMatch(/Build (?:failed|lost|cancelled)/);
}

function isAllowed(step: Extract<Step, { readonly caller: unknown }>): boolean {
  if (step.caller === 'admin') return true;
  if (step.kind === 'wake' || step.kind === 'lease') return step.caller === 'wake';
  if (step.kind !== 'read') return false;
  const isForWake = /^\/vm\/(?:status|ready|idle)$/.test(step.path);
  return step.caller === 'read' || (step.caller === 'wake' && isForWake);
}

interface Body {
  readonly action?: string;
  readonly changed?: boolean;
  readonly ready?: boolean;
  readonly id?: string;
  readonly job?: string;
  readonly lease?: { readonly id: string };
  readonly details?: { readonly outcome?: string; readonly job?: string };
}

function toJson(text: string): Body {
  return text === '' ? {} : JSON.parse(text);
}
