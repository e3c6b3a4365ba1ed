// A job that hangs can be ended, by any process of the API, with all that it started; its lock is free then.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { JobHost } from '../adapter-ports.ts';
import { createJobHost } from '../jobs-on-vm/jobs-on-vm.ts';
import {
  findProcesses,
  findRunner,
  record,
  startWorld,
} from '../testing/jobs-on-vm.test-support.ts';
import { until } from '../testing/until.test-support.ts';

let world: Awaited<ReturnType<typeof startWorld>>;
let host: JobHost;
beforeAll(async () => {
  world = await startWorld();
  host = createJobHost({ connection: world.connection, cancelGraceMs: 600 });
});
afterAll(() => world[Symbol.asyncDispose]());

const hangs = 'echo begun; sleep 1000 & sleep 1000; echo never';

async function isBegun(id: string): Promise<boolean> {
  return (await record(host, id)).outputTail.startsWith('begun');
}

test('a job that hangs ends with TERM, is cancelled, and leaves its lock and nothing else', async () => {
  const job = world.job(hangs);
  await host.start(job);
  await until(() => isBegun(job.id));
  const session = findRunner(job.id);
  expect(await host.cancel(job.id)).toBe('cancelled');
  expect(await record(host, job.id)).toMatchObject({
    state: 'cancelled',
    exitCode: 143,
    finishedAt: expect.any(String),
    outputTail: 'begun\n',
  });
  await until(() => !findProcesses(job.id).some(({ pid }) => pid === session));
  const next = world.job('true', { lock: job.lock });
  await host.start(next);
});

test.each([
  ['that ignores TERM', "trap '' TERM; echo begun; while :; do sleep 1; done", 137],
  [
    'whose child ignores TERM and outlives it',
    'sh -c \'trap "" TERM; exec sleep 1000\' & echo begun; wait',
    143,
  ],
  ['whose child has a process group of its own', 'set -m; sleep 1000 & echo begun; wait', 143],
  [
    'whose command turns TERM into a success',
    "trap 'exit 0' TERM; echo begun; sleep 1000 & wait",
    0,
  ],
])('a job %s is ended as well', async (_, script, exitCode) => {
  const job = world.job(script, { argv: ['bash', '-c', script, 'sh', world.sshd.folder] });
  await host.start(job);
  await until(() => isBegun(job.id));
  const runner = findRunner(job.id);
  expect(await host.cancel(job.id)).toBe('cancelled');
  expect(await record(host, job.id)).toMatchObject({ state: 'cancelled', exitCode });
  await until(() => sessionOf(runner).length === 0);
});

test('a job is cancelled through another process of the API, and by two at once', async () => {
  const job = world.job(hangs);
  await host.start(job);
  const others = [world.connect(), world.connect()].map((connection) =>
    createJobHost({ connection }),
  );
  expect(await Promise.all(others.map((other) => other.cancel(job.id)))).toEqual([
    'cancelled',
    'cancelled',
  ]);
  expect(await host.cancel(job.id)).toBe('cancelled');
});

test('a job that has ended stays as it is', async () => {
  for (const [script, state] of [
    ['exit 0', 'succeeded'],
    ['exit 3', 'failed'],
  ] as const) {
    const job = world.job(script);
    await host.start(job);
    await until(async () => (await record(host, job.id)).state !== 'running');
    expect(await host.cancel(job.id)).toBe(state);
    expect(await record(host, job.id)).toMatchObject({ state });
  }
});

test('what nobody started is not there to be cancelled', async () => {
  expect(await host.cancel('nope')).toBeUndefined();
  expect(await host.cancel('../etc')).toBeUndefined();
});

test('KILL follows TERM though the API is gone by then', async () => {
  const job = world.job("trap '' TERM; echo begun; while :; do sleep 1; done");
  await host.start(job);
  await until(() => isBegun(job.id));
  const connection = world.connect();
  const cancelling = createJobHost({ connection, cancelGraceMs: 2_000 }).cancel(job.id);
  await until(() => existsSync(join(world.jobs, job.id, 'cancel')));
  connection.drop('it dies');
  await expect(cancelling).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
  await until(async () => (await record(host, job.id)).state === 'cancelled');
});

function sessionOf(runner: number) {
  return findProcesses(world.sshd.folder).filter(({ group }) => group === runner);
}
