import type { OnDemandClient } from '@ondemand/client';
import { expect, test } from 'vitest';
import { lease } from '../testing/fixtures.test-support.ts';
import { holdLease, leaseMinutes, renewAfterMs, retryAfterMs } from './lease.ts';

/** The API's calls in their order, and a clock that stands still until it is told. */
function createStage({ failing = 0 }: { failing?: number } = {}) {
  const calls: string[] = [];
  const failures: unknown[] = [];
  const sleeps: { ms: number; wake: () => void }[] = [];
  let count = 0;
  let toFail = failing;
  const client = {
    vm: {
      takeLease: {
        async mutate({ minutes, reason }: { minutes: number; reason: string }) {
          count += 1;
          calls.push(`take ${minutes} ${reason}`);
          if (toFail > 0) {
            toFail -= 1;
            throw new Error(`refused ${count}`);
          }
          return { ...lease, id: `lease-${count}` };
        },
      },
      releaseLease: {
        async mutate({ id }: { id: string }) {
          calls.push(`release ${id}`);
          throw new Error('the VM has gone');
        },
      },
    },
  } as unknown as OnDemandClient; // as much of it as a lease uses
  return {
    calls,
    failures,
    failNext: (times: number) => {
      toFail = times;
    },
    hold: (isRequired: boolean, reason = 'ondemand ssh') =>
      holdLease({
        ...{ client, reason, isRequired, signal: new AbortController().signal },
        onFailure: (error) => failures.push(error),
        sleep: (ms, signal) =>
          new Promise((resolve) => {
            sleeps.push({ ms, wake: () => resolve(undefined) });
            signal.addEventListener('abort', resolve, { once: true });
          }),
      }),
    /** Lets the time pass that is slept for; how long that was. */
    async pass(): Promise<number | undefined> {
      const last = sleeps.at(-1);
      last?.wake();
      await expect.poll(() => sleeps.at(-1)).not.toBe(last);
      return last?.ms;
    },
  };
}

test('a lease is short, renewed well ahead of its end, and ended by its owner', async () => {
  const stage = createStage();
  {
    await using _held = await stage.hold(false);
    expect(await stage.pass()).toBe(renewAfterMs);
    expect(await stage.pass()).toBe(renewAfterMs);
  }
  const take = `take ${leaseMinutes} ondemand ssh`;
  expect(stage.calls).toEqual([
    ...[take, take, 'release lease-1', take, 'release lease-2', 'release lease-3'],
  ]);
  expect(2 * renewAfterMs).toBeLessThan(leaseMinutes * 60_000);
});

test('a renewal that fails is told once and tried again soon, and ends nothing', async () => {
  const stage = createStage();
  await using _held = await stage.hold(false);
  stage.failNext(2);
  await stage.pass();
  expect(await stage.pass()).toBe(retryAfterMs);
  expect(await stage.pass()).toBe(retryAfterMs);
  stage.failNext(1);
  expect(await stage.pass()).toBe(renewAfterMs);
  expect(stage.failures.map(String)).toEqual(['Error: refused 2']);
  expect(stage.calls.at(-1)).toMatch(/^take/);
});

test('the first one may fail, unless it is what the command is for', async () => {
  const stage = createStage({ failing: 1 });
  {
    await using _held = await stage.hold(false);
    expect(stage.failures).toHaveLength(1);
    expect(await stage.pass()).toBe(retryAfterMs);
  }
  expect(stage.calls.at(-1)).toBe('release lease-2');
  await expect(createStage({ failing: 1 }).hold(true)).rejects.toThrow('refused 1');
});

test('its reason is one that the API takes', async () => {
  const stage = createStage();
  await using _held = await stage.hold(false, `ondemand run a\nb${'x'.repeat(300)}`);
  expect(stage.calls[0]).toMatch(/^take 5 ondemand run a b(x+)$/);
  expect(stage.calls[0]?.length).toBe('take 5 '.length + 200);
});
