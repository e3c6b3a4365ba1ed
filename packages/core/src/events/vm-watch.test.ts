// The watch over the VM, through the service: how often OCI is asked, and what a change of state sets off.

import { describe, expect, test } from 'vitest';
import { AppError } from '../app-error.ts';
import { until } from '../testing/until.test-support.ts';
import {
  dockerEvent,
  neverMs,
  read,
  settle,
  startWatchWorld,
} from '../testing/watch.test-support.ts';

describe('the VM', () => {
  test('is polled often while it changes and seldom while it is stable', async () => {
    const { events, world } = startWatchWorld({
      state: 'STARTING',
      connected: false,
      timings: { vmTransitionMs: 5, vmStableMs: 60_000 },
    });
    await using _ = events;
    const reader = read(await events.watch());
    await until(() => world.ociReads > 3);
    world.state = 'RUNNING';
    await until(() => reader.seen.includes('vm STARTING→RUNNING'));
    const reads = world.ociReads;
    await settle();
    expect(world.ociReads).toBe(reads);
  });

  test('is looked at again and again after look(), since OCI may be late', async () => {
    const { events, world } = startWatchWorld({
      timings: { vmTransitionMs: 5, vmStableMs: 60_000 },
    });
    await using _ = events;
    const reader = read(await events.watch());
    events.check('vm');
    await until(() => world.ociReads > 4);
    world.state = 'STOPPING';
    await until(() => reader.seen.length === 1);
    expect(reader.seen).toEqual(['vm RUNNING→STOPPING']);
  });

  test('is an event when it first was not known, and watched on when OCI fails', async () => {
    const failing = () => Promise.reject(new AppError('SERVICE_UNAVAILABLE', 'OCI is down'));
    const { events, world } = startWatchWorld({ oci: failing });
    await using _ = events;
    const reader = read(await events.watch());
    await until(() => world.ociReads > 2);
    world.oci = async () => {};
    await until(() => reader.seen.length === 1);
    world.oci = failing;
    await settle();
    world.oci = async () => {};
    world.state = 'STOPPED';
    await until(() => reader.seen.length === 2);
    expect(reader.seen).toEqual(['vm null→RUNNING', 'vm RUNNING→STOPPED']);
  });

  test('is not dialled while it is off, and watched once it runs', async () => {
    const { events, world } = startWatchWorld({
      state: 'STOPPED',
      connected: false,
      timings: { readyMs: neverMs },
    });
    await using _ = events;
    const reader = read(await events.watch());
    await settle();
    expect(world.opened).toEqual([]);
    expect(world.jobLists).toBe(0);
    world.state = 'RUNNING';
    world.connected = true;
    await until(() => world.streams.size === 1);
    world.tell(dockerEvent('web', 1));
    await until(() => reader.seen.length === 3);
    expect(reader.seen).toEqual(['vm STOPPED→RUNNING', 'resync', 'container web start']);
  });

  test('that goes off is let go, and told of until then', async () => {
    const { events, world } = startWatchWorld();
    await using _ = events;
    const reader = read(await events.watch());
    world.state = 'STOPPING';
    await until(() => reader.seen.length === 1);
    world.tell(dockerEvent('web', 1, 'die'));
    await until(() => reader.seen.length === 2);
    expect(world.streams.size).toBe(1);
    world.state = 'STOPPED';
    await until(() => world.streams.size === 0);
    await settle();
    expect(world.opened).toHaveLength(1);
    expect(reader.seen.at(-1)).toBe('vm STOPPING→STOPPED');
  });
});
