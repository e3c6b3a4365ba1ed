// The watch as its listeners see it, over a world in memory: how they come, leave and come back.

import { describe, expect, test } from 'vitest';
import { AppError } from '../app-error.ts';
import { fakeTimeouts } from '../testing/fake-timeouts.test-support.ts';
import { until } from '../testing/until.test-support.ts';
import {
  dockerEvent,
  hang,
  job,
  neverMs,
  quick,
  read,
  settle,
  startWatchWorld,
} from '../testing/watch.test-support.ts';

describe('watch() with follow false gives what is known now, then ends', () => {
  const readAll = async (
    events: Awaited<ReturnType<typeof startWatchWorld>>['events'],
    after?: string,
  ) => {
    const all = [];
    for await (const received of await events.watch({ follow: false, after })) all.push(received);
    return all;
  };

  test("the VM's state alone, where nothing has happened since the watch began", async () => {
    const { events } = startWatchWorld();
    await using _ = events;
    expect((await readAll(events)).map(({ event }) => event)).toEqual([
      expect.objectContaining({ type: 'vm', lifecycleState: 'RUNNING', previous: null }),
    ]);
  });

  test('and all that is kept, each once when asked again after the last', async () => {
    const { events, world } = startWatchWorld();
    await using _ = events;
    const reader = read(await events.watch());
    world.tell(dockerEvent('web', 1, 'start'), dockerEvent('web', 2, 'die'));
    await until(() => reader.seen.length === 2);
    const first = await readAll(events);
    expect(first.map(({ event }) => event.type)).toEqual(['vm', 'container', 'container']);
    expect(await readAll(events, first.at(-1)?.position)).toEqual([]);
    expect((await readAll(events, first[0]?.position)).map(({ event }) => event.type)).toEqual([
      'container',
      'container',
    ]);
  });

  test('a resync where what came after is not known any more', async () => {
    const { events } = startWatchWorld();
    await using _ = events;
    expect((await readAll(events, 'elsewhere-1')).map(({ event }) => event.type)).toEqual([
      'resync',
    ]);
  });

  test('an error where OCI does not tell the state', async () => {
    const { events } = startWatchWorld({
      oci: () => Promise.reject(new AppError('SERVICE_UNAVAILABLE', 'No')),
    });
    await using _ = events;
    await expect(events.watch({ follow: false })).rejects.toThrow('No');
  });
});

describe('watch()', () => {
  test('resolves once Docker is watched, and misses nothing from then on', async () => {
    const { events, world } = startWatchWorld({ docker: settle });
    await using _ = events;
    const reader = read(await events.watch());
    expect(world.streams.size).toBe(1);
    world.tell(dockerEvent('web', 1, 'start'), dockerEvent('web', 2, 'exec_start: ls'));
    world.tell(dockerEvent('web', 3, 'die'));
    await until(() => reader.seen.length === 2);
    expect(reader.seen).toEqual(['container web start', 'container web die']);
  });

  test('knows the jobs and the state of the VM by then', async () => {
    const { events, world } = startWatchWorld({ jobs: [job('1')], timings: { vmStableMs: 5 } });
    await using _ = events;
    const reader = read(await events.watch());
    world.state = 'STOPPING';
    world.jobs = [job('2'), job('1', 'succeeded')];
    await until(() => reader.seen.length >= 3);
    expect(reader.seen.toSorted()).toEqual([
      'job 1 succeeded',
      'job 2 running',
      'vm RUNNING→STOPPING',
    ]);
  });

  test('of many at once costs one stream of Docker, and all get all', async () => {
    const { events, world } = startWatchWorld();
    await using _ = events;
    const readers = (await Promise.all(Array.from({ length: 200 }, () => events.watch()))).map(
      read,
    );
    for (let second = 1; second <= 20; second += 1) world.tell(dockerEvent('web', second));
    await until(() => readers.every(({ seen }) => seen.length === 20));
    expect(world.opened).toHaveLength(1);
    expect(world.ociReads).toBeLessThan(20);
    expect(new Set(readers.map(({ received }) => JSON.stringify(received))).size).toBe(1);
  });

  test('lets a listener in when OCI and Docker do not answer', async () => {
    const { events, world } = startWatchWorld({
      connected: false,
      oci: hang,
      docker: hang,
      timings: { readyMs: 50 },
    });
    await using _ = events;
    await events.watch();
    expect(world.opened).toHaveLength(1);
  });

  test('lets a listener in at once when Docker refuses, and tells when it is there', async () => {
    const { events, world } = startWatchWorld({
      docker: () => Promise.reject(new AppError('SERVICE_UNAVAILABLE', 'No')),
      timings: { readyMs: neverMs },
    });
    await using _ = events;
    const reader = read(await events.watch());
    await until(() => world.opened.length > 3);
    world.docker = async () => {};
    await until(() => world.streams.size === 1);
    world.tell(dockerEvent('web', 1));
    await until(() => reader.seen.length === 2);
    expect(reader.seen).toEqual(['resync', 'container web start']);
  });

  test('waits for a stream that is just opened again', async () => {
    const { events, world } = startWatchWorld();
    await using _ = events;
    await events.watch();
    world.docker = settle;
    world.cut();
    await until(() => world.opened.length === 2);
    expect(world.streams.size).toBe(0);
    await events.watch();
    expect(world.streams.size).toBe(1);
  });

  test('rejects with the reason of a signal that aborts, before and meanwhile', async () => {
    const clock = fakeTimeouts();
    const { events, world } = startWatchWorld({ oci: hang, connected: false });
    await using _ = events;
    const reason = new Error('gone');
    await expect(events.watch({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const stop = new AbortController();
    const watching = events.watch({ signal: stop.signal });
    await until(() => world.ociReads === 1);
    stop.abort(reason);
    await Promise.all([expect(watching).rejects.toBe(reason), clock.pass(quick.readyMs)]);
  });
});

describe('an iteration', () => {
  test('ends soon after its signal aborts, and others go on', async () => {
    const { events, world } = startWatchWorld();
    await using _ = events;
    const stop = new AbortController();
    const leaving = read(await events.watch({ signal: stop.signal }));
    const staying = read(await events.watch());
    stop.abort();
    await leaving.ended;
    world.tell(dockerEvent('web', 1));
    await until(() => staying.seen.length === 1);
    expect(leaving.seen).toEqual([]);
  });

  test('ends when the service is disposed, which leaves nothing', async () => {
    const { events, world } = startWatchWorld();
    const reader = read(await events.watch());
    await events[Symbol.asyncDispose]();
    await reader.ended;
    expect(world.streams.size).toBe(0);
    const { ociReads, jobLists, opened } = world;
    await settle();
    expect([world.ociReads, world.jobLists, world.opened.length]).toEqual([
      ociReads,
      jobLists,
      opened.length,
    ]);
    await expect(events.watch()).rejects.toMatchObject({
      code: 'SERVICE_UNAVAILABLE',
      details: { reason: 'SHUTTING_DOWN' },
    });
  });

  test('is over for one who does not read as well', async () => {
    const { events } = startWatchWorld();
    const items = await events.watch();
    await events[Symbol.asyncDispose]();
    const reader = read(items);
    await reader.ended;
    expect(reader.seen).toEqual([]);
  });
});

test('disposing does not wait for an upstream that does not let go', async () => {
  const { events } = startWatchWorld({
    connected: false,
    oci: () => new Promise(() => {}),
    listJobs: () => new Promise(() => {}),
    timings: { readyMs: 20 },
  });
  await events.watch();
  await events[Symbol.asyncDispose]();
});

test('disposing twice, or before anybody listened, is nothing', async () => {
  const { events, world } = startWatchWorld();
  events.check('vm');
  events.check('jobs');
  await events[Symbol.asyncDispose]();
  await events[Symbol.asyncDispose]();
  expect([world.ociReads, world.jobLists, world.opened.length]).toEqual([0, 0, 0]);
});

describe('a listener that comes back', () => {
  test('gets what it missed, for the watch goes on', async () => {
    const { events, world } = startWatchWorld({
      timings: { jobsMs: 60_000, runningJobsMs: 60_000 },
    });
    await using _ = events;
    const stop = new AbortController();
    const reader = read(await events.watch({ signal: stop.signal }));
    world.tell(dockerEvent('a', 1));
    await until(() => reader.seen.length === 1);
    stop.abort();
    await reader.ended;
    world.tell(dockerEvent('b', 2));
    world.jobs = [job('1')];
    const back = read(await events.watch({ after: reader.received[0]?.position }));
    await until(() => back.seen.length === 2);
    expect(back.seen).toEqual(['container b start', 'job 1 running']);
    expect(world.opened).toHaveLength(1);
  });

  test('keeps the watch on for as long as it stays', async () => {
    const { events, world } = startWatchWorld({ timings: { lingerMs: 40 } });
    await using _ = events;
    const stop = new AbortController();
    await events.watch({ signal: stop.signal });
    stop.abort();
    const back = read(await events.watch());
    await new Promise((resolve) => setTimeout(resolve, 120));
    world.tell(dockerEvent('a', 1));
    await until(() => back.seen.length === 1);
    expect(world.opened).toHaveLength(1);
  });

  test('gets a resync when the watch has stopped meanwhile', async () => {
    const { events, world } = startWatchWorld({ timings: { lingerMs: 10 } });
    await using _ = events;
    const stop = new AbortController();
    const reader = read(await events.watch({ signal: stop.signal }));
    world.tell(dockerEvent('a', 1));
    await until(() => reader.seen.length === 1);
    stop.abort();
    await until(() => world.streams.size === 0);
    const back = read(await events.watch({ after: reader.received[0]?.position }));
    world.tell(dockerEvent('b', 2));
    await until(() => back.seen.length === 2);
    expect(back.seen).toEqual(['resync', 'container b start']);
    expect(world.opened).toHaveLength(2);
  });

  test('gets a resync when it is more than 1 000 events late', async () => {
    const { events, world } = startWatchWorld();
    await using _ = events;
    const slow = await events.watch();
    const quickReader = read(await events.watch());
    for (let second = 1; second <= 1200; second += 1) world.tell(dockerEvent('web', second));
    await until(() => quickReader.seen.length === 1200);
    const reader = read(slow);
    const back = read(await events.watch({ after: quickReader.received[500]?.position }));
    await until(() => reader.seen.length === 1 && back.seen.length === 699);
    expect(reader.seen).toEqual(['resync']);
    const late = read(await events.watch({ after: quickReader.received[100]?.position }));
    await until(() => late.seen.length === 1);
    expect(late.seen).toEqual(['resync']);
  });
});

test('a new listener is told nothing of what happened while nobody listened', async () => {
  const { events, world } = startWatchWorld({ timings: { jobsMs: 60_000, runningJobsMs: 60_000 } });
  await using _ = events;
  const stop = new AbortController();
  const first = read(await events.watch({ signal: stop.signal }));
  stop.abort();
  await first.ended;
  world.jobs = [job('1', 'succeeded')];
  const late = await events.watch();
  const reader = read(late);
  world.tell(dockerEvent('a', 1));
  await until(() => reader.seen.length > 0);
  expect(reader.seen).toEqual(['container a start']);
  const back = read(await events.watch({ after: late.position }));
  await until(() => back.seen.length > 0);
  expect(back.seen).toEqual(['container a start']);
});
