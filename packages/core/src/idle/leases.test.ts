// Leases: whose they are, in whose time they are told, and how many readers share one.

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { LeaseHost, LeaseRecord } from '../adapter-ports.ts';
import { AppError } from '../app-error.ts';
import { pause } from '../concurrency/deadline.ts';
import { createLeases, toHeldLeases } from './leases.ts';

const ana = { sub: 'ana', clientId: 'phone' };

/** The VM's clock is an hour behind ours. */
function setUp({
  state = 'RUNNING' as const,
  connected = true,
}: {
  state?: 'RUNNING' | 'STOPPED';
  connected?: boolean;
} = {}) {
  const kept = new Map<string, LeaseRecord>();
  const taken: string[] = [];
  const link = { connected, drop() {} };
  const faults: unknown[] = [];
  const world = { fail() {} };
  const vmNow = () => Math.floor(Date.now() / 1000) - 3600;
  const host: LeaseHost = {
    async take({ id, seconds, owner }, { signal } = {}) {
      if (state === 'STOPPED') await pause(60_000, signal);
      world.fail();
      taken.push(id);
      const times = { since: kept.get(id)?.since ?? vmNow(), until: vmNow() + seconds };
      kept.set(id, { id, ...owner, ...times });
      return { now: vmNow(), ...times };
    },
    async end(id) {
      const lease = kept.get(id);
      if (lease === undefined || lease.until <= vmNow()) return undefined;
      kept.set(id, { ...lease, until: vmNow() });
      return vmNow();
    },
    list: async () => ({ now: vmNow(), leases: [...kept.values()] }),
  };
  let count = 0;
  const leases = createLeases({
    host,
    compute: {
      getInstance: async () => ({ lifecycleState: state, displayName: 'vm', etag: 'e' }),
      getPublicIp: async () => undefined,
      act: async () => {},
    },
    link,
    clock: { now: () => new Date(), elapsedMs: () => performance.now() },
    onInternalError: (error) => faults.push(error),
    randomHex(digits) {
      count += 1;
      return String(count).padStart(digits, '0');
    },
  });
  const list = () => toHeldLeases([...kept.values()], { vmNow: vmNow(), nowMs: Date.now() });
  return { leases, list, taken, link, faults, world };
}

test('a lease is told in our time, whatever the clock of the VM says', async () => {
  const { leases, list } = setUp();
  const before = Date.now();
  const lease = await leases.take({ minutes: 120, reason: 'a film', by: ana });
  const expiresMs = Date.parse(lease.expiresAt);
  expect(lease).toMatchObject({ ...ana, reason: 'a film' });
  expect(Math.abs(expiresMs - before - 7_200_000)).toBeLessThan(60_000);
  expect(list()).toEqual([expect.objectContaining({ id: lease.id })]);
});

test('one ends one’s own lease, and an admin anybody’s', async () => {
  const { leases, list } = setUp();
  const [first, second] = [
    await leases.take({ minutes: 5, by: ana }),
    await leases.take({ minutes: 5, by: ana }),
  ];
  const ben = { sub: 'ben', clientId: 'phone', isAdmin: false };
  await expect(leases.release(first.id, ben)).rejects.toMatchObject({ code: 'FORBIDDEN' });
  expect(await leases.release(first.id, { ...ana, isAdmin: false })).toMatchObject({
    id: first.id,
  });
  await expect(leases.release(first.id, { ...ana, isAdmin: false })).rejects.toMatchObject({
    code: 'NOT_FOUND',
    text: 'Lease not found',
  });
  await leases.release(second.id, { ...ben, isAdmin: true });
  expect(list()).toEqual([]);
});

test('a VM that is off is reported at once', async () => {
  const { leases } = setUp({ state: 'STOPPED', connected: false });
  await expect(leases.take({ minutes: 5, by: ana })).rejects.toMatchObject({
    code: 'SERVICE_UNAVAILABLE',
    details: { lifecycleState: 'STOPPED' },
  });
});

describe('a lease of readers', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test('is one for all of a kind, renewed while there is one, and expires after the last', async () => {
    const { leases, list, taken } = setUp();
    const readers = Array.from({ length: 50 }, () => new AbortController());
    for (const { signal } of readers) leases.holdWhileRead('logs', signal);
    leases.holdWhileRead('jobs', new AbortController().signal);
    expect(new Set(taken).size).toBe(2);
    await vi.advanceTimersByTimeAsync(600_000);
    expect(taken.length).toBe(22);
    expect(
      list()
        .map(({ sub }) => sub)
        .sort(),
    ).toEqual(['ondemand:jobs', 'ondemand:logs']);
    for (const reader of readers) reader.abort();
    await vi.advanceTimersByTimeAsync(150_000);
    expect(list().map(({ sub }) => sub)).toEqual(['ondemand:jobs']);
    leases.holdWhileRead('logs', new AbortController().signal);
    expect(list().length).toBe(2);
  });

  test('tells the log of a fault of ours, not of a VM that cannot take it, and is tried again', async () => {
    const { leases, taken, faults, world } = setUp();
    const fault = new TypeError('x is not a function');
    let failure: Error = fault;
    world.fail = () => {
      throw failure;
    };
    leases.holdWhileRead('logs', new AbortController().signal);
    await vi.advanceTimersByTimeAsync(0);
    expect(faults).toEqual([fault]);
    failure = new AppError('SERVICE_UNAVAILABLE', 'no space is left');
    await vi.advanceTimersByTimeAsync(60_000);
    world.fail = () => {};
    await vi.advanceTimersByTimeAsync(60_000);
    expect([faults.length, taken.length]).toEqual([1, 1]);
  });

  test('dials no VM that is not connected, and is taken once it is', async () => {
    const { leases, taken, link } = setUp({ connected: false });
    leases.holdWhileRead('logs', new AbortController().signal);
    expect(taken).toEqual([]);
    link.connected = true;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(taken.length).toBe(1);
  });
});
