// The watch over the containers, through the service: Docker's stream, its cuts, and how it is opened again.

import { describe, expect, test } from 'vitest';
import { AppError } from '../app-error.ts';
import { fakeTimeouts } from '../testing/fake-timeouts.test-support.ts';
import { until } from '../testing/until.test-support.ts';
import {
  dockerEvent,
  hang,
  neverMs,
  read,
  settle,
  startWatchWorld,
} from '../testing/watch.test-support.ts';

describe('the containers', () => {
  test('stay watched by one stream over a restart of the VM that it survives', async () => {
    const { events, world } = startWatchWorld({ timings: { readyMs: neverMs } });
    await using _ = events;
    const reader = read(await events.watch());
    world.state = 'STOPPING';
    await until(() => reader.seen.length === 1);
    world.state = 'RUNNING';
    await until(() => reader.seen.length === 2);
    await events.watch(); // at once: nothing else would end it
    expect(world.opened).toHaveLength(1);
  });

  test('are watched again after a cut although OCI does not answer', async () => {
    const { events, world } = startWatchWorld({ timings: { readyMs: 50 } });
    await using _ = events;
    const reader = read(await events.watch());
    world.oci = hang;
    world.cut();
    await until(() => reader.seen.length === 1);
    expect(reader.seen).toEqual(['resync']);
  });

  test('have one time alone, and are told of what Docker tells late', async () => {
    const { events, world } = startWatchWorld();
    await using _ = events;
    const reader = read(await events.watch());
    world.tell(dockerEvent('a', 5), dockerEvent('b', 4), dockerEvent('a', 5), dockerEvent('b', 5));
    await until(() => reader.seen.length === 3);
    expect(reader.seen).toEqual(['container a start', 'container b start', 'container b start']);
  });

  test('are watched again after a cut, from the last event on and with none twice', async () => {
    const { events, world } = startWatchWorld();
    await using _ = events;
    const reader = read(await events.watch());
    world.tell(dockerEvent('a', 1), dockerEvent('b', 2));
    await until(() => reader.seen.length === 2);
    world.backlog = [dockerEvent('b', 2), dockerEvent('b', 2, 'die'), dockerEvent('c', 3)];
    world.cut();
    await until(() => reader.seen.length === 5);
    expect(reader.seen.slice(2)).toEqual(['resync', 'container b die', 'container c start']);
    expect(world.opened).toEqual([undefined, '2.7']);
  });

  test('are watched again when Docker itself ended the stream', async () => {
    const { events, world } = startWatchWorld();
    await using _ = events;
    const reader = read(await events.watch());
    world.cut('ended');
    await until(() => reader.seen.length === 1);
    expect(reader.seen).toEqual(['resync']);
  });

  test('a cut causes a poll of the VM', async () => {
    const { events, world } = startWatchWorld({ timings: { vmStableMs: 60_000 } });
    await using _ = events;
    const reader = read(await events.watch());
    world.state = 'STOPPED';
    world.cut();
    await until(() => reader.seen.length === 1);
    expect(reader.seen).toEqual(['vm RUNNING→STOPPED']);
    await settle();
    expect(world.opened).toHaveLength(1);
  });

  test('are not asked for in a hurry when every stream is cut at once', async () => {
    const clock = fakeTimeouts();
    const { events, world } = startWatchWorld({ timings: { minPauseMs: 10, maxPauseMs: 80 } });
    await using _ = events;
    await Promise.all([events.watch(), clock.pass(20)]);
    for (let passedMs = 0; passedMs < 400; passedMs += 1) {
      world.cut();
      await clock.pass(1);
    }
    expect(world.opened.length).toBeLessThan(12);
    expect(world.opened.length).toBeGreaterThan(2);
  });

  test('wait as long as SSH asks them to', async () => {
    const clock = fakeTimeouts();
    const { events, world } = startWatchWorld({
      docker: () =>
        Promise.reject(
          new AppError('SERVICE_UNAVAILABLE', 'Too often', { details: { retryAfterSeconds: 0.2 } }),
        ),
    });
    await using _ = events;
    await Promise.all([events.watch(), clock.pass(20)]);
    await clock.pass(150);
    expect(world.opened).toHaveLength(1);
    await clock.pass(100);
    expect(world.opened).toHaveLength(2);
  });
});
