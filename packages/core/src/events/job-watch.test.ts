// The watch over the jobs, through the service: when their list is asked for, and what is told of it.

import { describe, expect, test } from 'vitest';
import { until } from '../testing/until.test-support.ts';
import { job, read, settle, startWatchWorld } from '../testing/watch.test-support.ts';

describe('the jobs', () => {
  test('are told when they begin and when they change, the oldest first', async () => {
    const { events, world } = startWatchWorld({ jobs: [job('0', 'succeeded')] });
    await using _ = events;
    const reader = read(await events.watch());
    world.jobs = [job('2'), job('1'), job('0', 'succeeded')];
    await until(() => reader.seen.length === 2);
    world.jobs = [job('3', 'failed'), job('2', 'lost'), job('1')];
    await until(() => reader.seen.length === 4);
    expect(reader.seen).toEqual(['job 1 running', 'job 2 running', 'job 2 lost', 'job 3 failed']);
  });

  test('have the time at which it happened, not at which it was seen', async () => {
    const { events, world } = startWatchWorld();
    await using _ = events;
    const reader = read(await events.watch());
    const begun = { ...job('1'), startedAt: '2026-02-08T10:00:00.000Z' };
    world.jobs = [begun];
    await until(() => reader.seen.length === 1);
    const finishedAt = '2026-02-08T10:05:00.000Z';
    world.jobs = [{ ...begun, state: 'failed', finishedAt, exitCode: 1 }];
    await until(() => reader.seen.length === 2);
    expect(reader.received.map(({ event }) => event.time)).toEqual([begun.startedAt, finishedAt]);
  });

  test('are known from when the VM was reached on', async () => {
    const { events, world } = startWatchWorld({
      connected: false,
      jobs: [job('1', 'succeeded')],
      docker: async () => {
        world.connected = true;
      },
      timings: { jobsMs: 60_000, runningJobsMs: 60_000 },
    });
    await using _ = events;
    const reader = read(await events.watch());
    world.jobs = [job('2'), job('1', 'succeeded')];
    events.check('jobs');
    await until(() => reader.seen.length === 1);
    expect(reader.seen).toEqual(['job 2 running']);
  });

  test('are known from when the VM came up on', async () => {
    const { events, world } = startWatchWorld({
      connected: false,
      state: 'STOPPED',
      docker: async () => {
        world.connected = true;
      },
      timings: { jobsMs: 60_000, runningJobsMs: 60_000 },
    });
    await using _ = events;
    const reader = read(await events.watch());
    world.state = 'RUNNING';
    await until(() => world.jobLists === 1);
    world.jobs = [job('1')];
    events.check('jobs');
    await until(() => reader.seen.includes('job 1 running'));
  });

  test('are looked at when something was done, and not twice at once', async () => {
    const { events, world } = startWatchWorld({
      timings: { jobsMs: 60_000, runningJobsMs: 60_000 },
    });
    await using _ = events;
    const reader = read(await events.watch());
    world.jobs = [job('1')];
    const { jobLists } = world;
    for (let count = 0; count < 50; count += 1) events.check('jobs');
    await until(() => reader.seen.length === 1);
    await settle();
    expect(world.jobLists - jobLists).toBeLessThan(3);
  });

  test('are looked at more often while one runs', async () => {
    const { events, world } = startWatchWorld({ timings: { jobsMs: 60_000, runningJobsMs: 5 } });
    await using _ = events;
    const reader = read(await events.watch());
    world.jobs = [job('1')];
    events.check('jobs');
    await until(() => reader.seen.length === 1);
    world.jobs = [job('1', 'succeeded')];
    await until(() => reader.seen.length === 2);
    expect(reader.seen).toEqual(['job 1 running', 'job 1 succeeded']);
  });

  test('are not asked for while nobody listens, nor without a connection', async () => {
    const { events, world } = startWatchWorld();
    await using _ = events;
    const stop = new AbortController();
    const reader = read(await events.watch({ signal: stop.signal }));
    world.connected = false;
    await settle();
    const { jobLists } = world;
    await settle();
    expect(world.jobLists).toBe(jobLists);
    world.connected = true;
    await until(() => world.jobLists > jobLists);
    stop.abort();
    await reader.ended;
    await settle();
    const later = world.jobLists;
    await settle();
    expect(world.jobLists).toBe(later);
  });

  test('are watched on when their list fails', async () => {
    const { events, world } = startWatchWorld();
    await using _ = events;
    const reader = read(await events.watch());
    world.listJobs = () => Promise.reject(new Error('oops'));
    await settle();
    world.jobs = [job('1')];
    world.listJobs = async () => {};
    await until(() => reader.seen.length === 1);
    expect(reader.seen).toEqual(['job 1 running']);
  });
});
