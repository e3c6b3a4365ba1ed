// How long a job lives on a real VM, what it outlives and what ends it, and for how long it holds its lock and is kept.

import { readdir, readFile, writeFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import type { AppError } from '../app-error.ts';
import {
  ended,
  findProcesses,
  findRunner,
  readAll,
  readOne,
  record,
  startWorld,
} from '../testing/jobs-on-vm.test-support.ts';
import { describeSshd } from '../testing/sshd.test-support.ts';
import { until } from '../testing/until.test-support.ts';
import { createJobHost } from './jobs-on-vm.ts';

describeSshd('jobs', () => {
  it('survive the end of the connection, and the death of sshd', async () => {
    await using world = await startWorld();
    const job = world.job('echo begun; until [ -e "$1/go" ]; do sleep 0.05; done; echo done');
    await world.host.start(job);
    await world.connection[Symbol.asyncDispose]();
    await world.sshd.kill();
    await writeFile(world.file('go'), '');
    await world.sshd.start();
    const host = createJobHost({ connection: world.connect() });
    expect(await ended(host, job.id)).toMatchObject({ state: 'succeeded' });
    expect((await readAll(host, job.id)).toString()).toBe('begun\ndone\n');
  });

  it('are lost when they are killed whole, and their lock is free again', async () => {
    await using world = await startWorld();
    const job = world.job('echo begun; sleep 30', { lock: 'rebuild-home' });
    await world.host.start(job);
    await readOne(world.host, job.id, 0);
    process.kill(-findRunner(job.id), 'SIGKILL');
    expect(await ended(world.host, job.id)).toMatchObject({ state: 'lost', done: true });
    expect(await record(world.host, job.id)).toMatchObject({
      state: 'lost',
      exitCode: null,
      finishedAt: null,
      outputTail: 'begun\n',
    });
    const next = world.job('true', { lock: 'rebuild-home' });
    await world.host.start(next);
    expect(await ended(world.host, next.id)).toMatchObject({ state: 'succeeded' });
  });

  it('are lost to everybody who looks at the same time', async () => {
    await using world = await startWorld();
    const job = world.job('echo begun; sleep 30');
    await world.host.start(job);
    await readOne(world.host, job.id, 0);
    process.kill(-findRunner(job.id), 'SIGKILL');
    await ended(world.host, job.id);
    const spans = Array.from({ length: 40 }, (_, offset) => ({ id: job.id, offset }));
    const readings = await Promise.all(
      Array.from({ length: 6 }, () => world.host.read(spans, { waitMs: 0 })),
    );
    expect(new Set(readings.flat().map(({ state }) => state))).toEqual(new Set(['lost']));
  });

  it('hold their lock for as long as the build itself runs, also without a runner', async () => {
    await using world = await startWorld();
    const job = world.job('echo begun; until [ -e "$1/go" ]; do sleep 0.05; done', {
      lock: 'rebuild-home',
    });
    await world.host.start(job);
    await readOne(world.host, job.id, 0);
    process.kill(findRunner(job.id), 'SIGKILL');
    expect(await ended(world.host, job.id)).toMatchObject({ state: 'lost' });
    const next = world.job('true', { lock: 'rebuild-home' });
    await expect(world.host.start(next)).rejects.toMatchObject({
      code: 'CONFLICT',
      details: { job: job.id },
    });
    await writeFile(world.file('go'), '');
    await until(() => findProcesses(world.sshd.folder).length === 0);
    await world.host.start(next);
  });

  it('give their lock back at their end, though something they started goes on', async () => {
    await using world = await startWorld();
    const job = world.job('sleep 30 & echo $!', { lock: 'rebuild-home' });
    await world.host.start(job);
    const sleeper = Number((await readAll(world.host, job.id)).toString());
    expect(isAlive(sleeper)).toBe(true);
    await world.host.start(world.job('true', { lock: 'rebuild-home' }));
    process.kill(sleeper, 'SIGKILL');
  });

  it('with one lock start once out of twenty, through two connections', async () => {
    await using world = await startWorld();
    const hosts = [world.host, createJobHost({ connection: world.connect() })];
    const jobs = Array.from({ length: 20 }, () =>
      world.job('echo ran >>"$1/ran"; until [ -e "$1/go" ]; do sleep 0.05; done', {
        lock: 'rebuild-home',
      }),
    );
    const outcomes = await Promise.all(
      jobs.map((job, n) =>
        hosts[n % 2]?.start(job).then(
          () => job.id,
          (error: AppError) => error,
        ),
      ),
    );
    const started = outcomes.filter((outcome) => typeof outcome === 'string');
    expect(started).toHaveLength(1);
    const refused = outcomes.filter((outcome) => typeof outcome !== 'string');
    expect(refused.map((error) => [error?.code, error?.details])).toEqual(
      Array.from({ length: 19 }, () => ['CONFLICT', { job: started[0] }]),
    );
    expect(await readFile(world.file('ran'), 'utf8')).toBe('ran\n');
    await writeFile(world.file('go'), '');
    await ended(world.host, started[0] ?? '');
    expect((await world.host.list({ tailBytes: 0 })).map(({ id }) => id)).toEqual(started);
    expect(await leftovers(world.jobs)).toEqual([]);
  });

  it('are kept up to a number; those that run are never cleared away', async () => {
    await using world = await startWorld();
    const host = createJobHost({ connection: world.connection, keep: 3 });
    const running = world.job('until [ -e "$1/go" ]; do sleep 0.05; done');
    await host.start(running);
    const lost = world.job('sleep 30');
    await host.start(lost);
    process.kill(-findRunner(lost.id), 'SIGKILL');
    const others = Array.from({ length: 4 }, () => world.job('true'));
    for (const job of others) {
      await host.start(job);
      await ended(host, job.id);
    }
    const kept = (await host.list({ tailBytes: 0 })).map(({ id }) => id).sort();
    expect(kept).toEqual([running, ...others.slice(-2)].map(({ id }) => id));
    expect(await leftovers(world.jobs)).toEqual([]);
    await writeFile(world.file('go'), '');
    expect(await ended(host, running.id)).toMatchObject({ state: 'succeeded' });
  });
});

async function leftovers(folder: string): Promise<string[]> {
  return (await readdir(folder)).filter((name) => name.startsWith('.'));
}

const isAlive = (pid: number) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};
