// Requests to rebuild one project at the same time: one of them starts it, the others cost nothing on the VM.

import { expect, test, vi } from 'vitest';
import type { EngineContainer, JobPlan } from '../adapter-ports.ts';
import { AppError } from '../app-error.ts';
import { id, lost, setUp, web } from '../testing/jobs.test-support.ts';

const plan: JobPlan = { argv: ['make'], env: {}, lock: 'rebuild-home' };

const ofProject = (name: string, project = 'home'): EngineContainer => ({
  ...web,
  name,
  labels: { 'com.docker.compose.project': project },
});

test('of 20 rebuilds of a project at once one is planned and started, and 19 are told its job', async () => {
  const planRebuild = vi.fn(async () => plan);
  const { service, started } = setUp({ planRebuild });
  const names = Array.from({ length: 20 }, (_, index) => (index % 2 ? 'web' : 'db'));
  const outcomes = await Promise.allSettled(
    names.map((name) => service.startRebuild(ofProject(name))),
  );
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toMatchObject([
    { value: { id } },
  ]);
  for (const [index, outcome] of outcomes.entries()) {
    if (outcome.status === 'fulfilled') continue;
    expect(outcome.reason).toMatchObject({
      code: 'CONFLICT',
      message: expect.stringContaining(`'${names[index]}'`),
      details: { job: id, name: names[index] },
    });
  }
  expect(planRebuild).toHaveBeenCalledTimes(1);
  expect(started).toHaveLength(1);
});

test('all of them are told the job that another process has started first', async () => {
  let asked = 0;
  const { service, onStart } = setUp();
  onStart(() => {
    asked += 1;
    return Promise.reject(new AppError('CONFLICT', 'x', { details: { job: 'other' } }));
  });
  const outcomes = await Promise.allSettled(
    ['web', 'db', 'web'].map((name) => service.startRebuild(ofProject(name))),
  );
  expect(outcomes).toMatchObject([
    { reason: { code: 'CONFLICT', details: { job: 'other', name: 'web' } } },
    { reason: { code: 'CONFLICT', details: { job: 'other', name: 'db' } } },
    { reason: { code: 'CONFLICT', details: { job: 'other', name: 'web' } } },
  ]);
  expect(asked).toBe(1);
});

test('projects do not wait for each other', async () => {
  const { service, started } = setUp({ randomHex: () => Math.random().toString(16).slice(2, 10) });
  await Promise.all(['a', 'b'].map((project) => service.startRebuild(ofProject(project, project))));
  expect(started).toHaveLength(2);
});

test('a start that failed as the VM is out of reach fails all who joined it; the next one tries again', async () => {
  const { service, started, onStart } = setUp();
  onStart(() => Promise.reject(lost));
  const outcomes = await Promise.allSettled(
    ['web', 'db'].map((name) => service.startRebuild(ofProject(name))),
  );
  expect(outcomes).toMatchObject([{ reason: lost }, { reason: lost }]);
  onStart(async () => {});
  await service.startRebuild(ofProject('web'));
  expect(started).toHaveLength(1);
});

test('a container that cannot be rebuilt does not stand in the way of another of its project', async () => {
  const { service, started } = setUp({
    planRebuild: async ({ name }) => {
      if (name === 'odd') throw new AppError('CONFLICT', 'odd cannot be rebuilt');
      return plan;
    },
  });
  const outcomes = await Promise.allSettled(
    ['odd', 'web'].map((name) => service.startRebuild(ofProject(name))),
  );
  expect(outcomes).toMatchObject([
    { reason: { message: 'odd cannot be rebuilt' } },
    { value: { target: 'web' } },
  ]);
  expect(started).toHaveLength(1);
});

test('one whose caller leaves while it is planned is started by those who joined it', async () => {
  const caller = new AbortController();
  let planned = 0;
  const { service, started } = setUp({
    planRebuild: (_container, { signal } = {}) => {
      planned += 1;
      if (planned > 1) return Promise.resolve(plan);
      return new Promise((_, reject) => {
        signal?.addEventListener('abort', () => reject(signal.reason));
        caller.abort(new Error('left'));
      });
    },
  });
  const outcomes = await Promise.allSettled([
    service.startRebuild(ofProject('web'), { signal: caller.signal }),
    service.startRebuild(ofProject('web')),
  ]);
  expect(outcomes).toMatchObject([{ reason: { message: 'left' } }, { value: { id } }]);
  expect(started).toHaveLength(1);
});
