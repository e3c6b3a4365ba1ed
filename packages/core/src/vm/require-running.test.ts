// A VM that does not run is said at once; OCI that does not answer stands in nobody's way.

import { expect, test } from 'vitest';
import type { Compute } from '../adapter-ports.ts';
import { AppError } from '../app-error.ts';
import type { LifecycleState } from '../model/vm.ts';
import { fakeTimeouts } from '../testing/fake-timeouts.test-support.ts';
import { createVmReach } from './require-running.ts';

const unreachable = () => new AppError('SERVICE_UNAVAILABLE', 'VM not reachable via SSH');
const ociDown = () => Promise.reject(new AppError('SERVICE_UNAVAILABLE', 'OCI is down'));

test('a work that succeeds needs no OCI', async () => {
  const { vm, asked } = setUp({ connected: true, state: () => 'STOPPED' });
  await expect(vm.reach(async () => 'done')).resolves.toBe('done');
  expect(asked()).toBe(0);
});

test('a VM that is STOPPED stops a work that would connect for long', async () => {
  const { vm } = setUp({ connected: false, state: () => 'STOPPED' });
  let stopped: unknown;
  const work = (signal: AbortSignal) =>
    new Promise<never>((_resolve, reject) => {
      signal.addEventListener('abort', () => {
        stopped = signal.reason;
        reject(new Error('aborted'));
      });
    });
  await expect(vm.reach(work)).rejects.toMatchObject({
    code: 'SERVICE_UNAVAILABLE',
    message: expect.stringContaining('POST /vm/start'),
    details: { lifecycleState: 'STOPPED' },
  });
  expect(stopped).toBeInstanceOf(AppError);
});

test.each(['STOPPING', 'STARTING', 'PROVISIONING', 'TERMINATED', 'MOVING'] as const)(
  'a VM that is %s is told with its state',
  async (state) => {
    const { vm } = setUp({ connected: true, state: () => state });
    await expect(vm.reach(() => Promise.reject(unreachable()))).rejects.toMatchObject({
      message: expect.stringMatching(new RegExp(`not running \\(${state}\\): .+`)),
      details: { lifecycleState: state },
    });
  },
);

test('a VM that is RUNNING keeps the reason of the connection, asked once', async () => {
  const error = unreachable();
  const { vm, asked } = setUp({ connected: false, state: () => 'RUNNING' });
  await expect(vm.reach(() => Promise.reject(error))).rejects.toBe(error);
  expect(asked()).toBe(1);
});

test.each([true, false])(
  'OCI out of reach leaves the work as it is (connected: %s)',
  async (connected) => {
    const error = unreachable();
    const { vm } = setUp({ connected, getInstance: ociDown });
    await expect(vm.reach(async () => 'done')).resolves.toBe('done');
    await expect(vm.reach(() => Promise.reject(error))).rejects.toBe(error);
  },
);

test('a silent OCI delays a failure by its own deadline only, and is given up', async () => {
  const clock = fakeTimeouts();
  const error = unreachable();
  const signals: (AbortSignal | undefined)[] = [];
  const getInstance: Compute['getInstance'] = ({ signal } = {}) => {
    signals.push(signal);
    return new Promise(() => {});
  };
  const { vm } = setUp({ connected: false, getInstance });
  const fail = () => Promise.reject(error);
  const failures = [vm.reach(fail), vm.explain(fail)].map((each) =>
    expect(each).rejects.toBe(error),
  );
  await clock.pass(200);
  await Promise.all(failures);
  expect(signals.map((signal) => signal?.aborted)).toEqual([true, true]);
});

test('OCI is no longer asked once the work has ended', async () => {
  let asking: AbortSignal | undefined;
  const { vm } = setUp({
    connected: false,
    getInstance: ({ signal } = {}) => {
      asking = signal;
      return new Promise(() => {});
    },
  });
  await vm.reach(async () => 'done');
  expect(asking?.aborted).toBe(true);
});

test('other failures are nobody else’s business', async () => {
  const { vm, asked } = setUp({ connected: true, state: () => 'STOPPED' });
  for (const error of [
    new AppError('NOT_FOUND', 'no'),
    new AppError('CONFLICT', 'no'),
    new Error('bug'),
  ]) {
    await expect(vm.reach(() => Promise.reject(error))).rejects.toBe(error);
    await expect(vm.explain(() => Promise.reject(error))).rejects.toBe(error);
  }
  expect(asked()).toBe(0);
});

test('an unknown outcome stays the first thing to say', async () => {
  const { vm } = setUp({ connected: true, state: () => 'STOPPING' });
  const error = new AppError('SERVICE_UNAVAILABLE', 'outcome unknown', {
    details: { outcome: 'unknown' },
  });
  await expect(vm.explain(() => Promise.reject(error))).rejects.toMatchObject({
    message: 'outcome unknown',
    details: { outcome: 'unknown', lifecycleState: 'STOPPING' },
  });
});

test("the caller's abort is the caller's reason, before and during the work", async () => {
  const { vm } = setUp({ connected: false, state: () => 'RUNNING' });
  const gone = new Error('the caller left');
  await expect(vm.reach(async () => 'done', AbortSignal.abort(gone))).rejects.toBe(gone);
  const caller = new AbortController();
  const work = (signal: AbortSignal) =>
    new Promise<never>((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(unreachable()));
    });
  const reaching = vm.reach(work, caller.signal);
  caller.abort(gone);
  await expect(reaching).rejects.toBe(gone);
});

interface SetUp {
  readonly connected: boolean;
  readonly state?: () => LifecycleState;
  readonly getInstance?: Compute['getInstance'];
}

function setUp({ connected, state = () => 'RUNNING', getInstance }: SetUp) {
  let asked = 0;
  const compute: Compute = {
    getInstance(options) {
      asked += 1;
      if (getInstance !== undefined) return getInstance(options);
      return Promise.resolve({ lifecycleState: state(), displayName: 'vm', etag: 'e' });
    },
    getPublicIp: () => Promise.resolve(undefined),
    act: () => Promise.resolve(),
  };
  const link = { connected, drop: () => {} };
  return { vm: createVmReach({ compute, link, explainTimeoutMs: 200 }), asked: () => asked };
}
