// The service over one instance in memory that keeps versions as OCI does.

import { describe, expect, test } from 'vitest';
import type { CallOptions, Compute } from '../adapter-ports.ts';
import { AppError } from '../app-error.ts';
import { systemClock } from '../concurrency/clock.ts';
import { type LifecycleState, vmStateSchema } from '../model/vm.ts';
import { fakeTimeouts } from '../testing/fake-timeouts.test-support.ts';
import { until } from '../testing/until.test-support.ts';
import { createVm } from './vm.ts';

/** One instance in memory, with versions as OCI keeps them; `interfere` runs just before an action is judged. */
function setUp(
  lifecycleState: LifecycleState = 'RUNNING',
  { ip }: { ip?: string | undefined } = { ip: '203.0.113.7' },
) {
  const world = {
    lifecycleState,
    version: 1,
    ip,
    reads: 0,
    addressReads: 0,
    sent: [] as string[],
    drops: [] as string[],
    actions: 0,
    newVersions: 0,
    nowMs: Date.parse('2026-01-01T00:00:00Z'),
    elapsedMs: 0,
    interfere: (): void | Promise<void> => {},
    beforeRead: async (_options: CallOptions = {}): Promise<void> => {},
    beforeAddress: async (_signal: AbortSignal | undefined): Promise<void> => {},
    unreadable: [] as unknown[],
    move(next: LifecycleState) {
      world.lifecycleState = next;
      world.version += 1;
    },
  };
  const compute: Compute = {
    async getInstance(options) {
      world.reads += 1;
      const seen = { lifecycleState: world.lifecycleState, etag: `e${world.version}` };
      await world.beforeRead(options);
      return { ...seen, displayName: 'vm' };
    },
    async getPublicIp({ signal } = {}) {
      world.addressReads += 1;
      await world.beforeAddress(signal);
      return world.ip;
    },
    async act(action, { etag, signal }) {
      await world.interfere();
      signal?.throwIfAborted();
      if (etag !== `e${world.version}`) throw new AppError('CONFLICT', 'It changed meanwhile');
      world.sent.push(action);
      world.move(action === 'START' ? 'STARTING' : 'STOPPING');
    },
  };
  const vm = createVm({
    compute,
    clock: { now: () => new Date(world.nowMs), elapsedMs: () => world.elapsedMs },
    link: { connected: true, drop: (reason) => void world.drops.push(reason) },
    onAction: () => {
      world.actions += 1;
    },
    onNewVersion: () => {
      world.newVersions += 1;
    },
    onAddressUnreadable: (error) => void world.unreadable.push(error),
    addressDeadlineMs: 20,
  });
  return { vm, world };
}

async function refusal(action: Promise<unknown>): Promise<AppError> {
  const error = await action.then(
    () => expect.fail('it was not refused'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof AppError)) throw error;
  return error;
}

const lost = new AppError('SERVICE_UNAVAILABLE', 'No answer', {
  details: { reason: 'TIMEOUT', outcome: 'unknown' },
});

describe('status()', () => {
  test('tells the state, the address and when OCI was asked', async () => {
    const { vm } = setUp();
    const state = await vm.status();
    expect(state).toEqual({
      vmId: 'oci-flex',
      lifecycleState: 'RUNNING',
      displayName: 'vm',
      ip: '203.0.113.7',
      lastCheck: '2026-01-01T00:00:00.000Z',
    });
    expect(vmStateSchema.parse(state)).toEqual(state);
  });

  test('leaves out an address that the VM does not have', async () => {
    const { vm, world } = setUp();
    world.ip = undefined;
    expect(await vm.status()).not.toHaveProperty('ip');
  });

  test('tells the state without an address that may not be read, and says so once', async () => {
    const { vm, world } = setUp();
    const refused = new AppError('INTERNAL_ERROR', 'The policy lacks vnics');
    world.beforeAddress = () => Promise.reject(refused);
    for (let times = 0; times < 3; times += 1) {
      const state = await vm.status();
      expect(state).toMatchObject({ lifecycleState: 'RUNNING' });
      expect(state).not.toHaveProperty('ip');
    }
    expect(world.unreadable).toEqual([refused]);
  });

  test('tells the state without an address that nobody gives in time', async () => {
    const { vm, world } = setUp();
    world.beforeAddress = (signal) =>
      new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
    expect(await vm.status()).not.toHaveProperty('ip');
    expect(world.unreadable).toHaveLength(1);
  });

  test('asks for no address where only the state is waited for', async () => {
    const { vm, world } = setUp();
    const state = await vm.status({ address: false });
    expect(state).toMatchObject({ lifecycleState: 'RUNNING', displayName: 'vm' });
    expect([world.reads, world.addressReads]).toEqual([1, 0]);
  });

  test('asks OCI once for a thousand readers', async () => {
    const { vm, world } = setUp();
    await Promise.all(Array.from({ length: 1000 }, () => vm.status()));
    expect([world.reads, world.addressReads]).toEqual([1, 1]);
  });

  test('asks for state and address at the same time, and stops asking for the address when the state fails', async () => {
    const down = new AppError('SERVICE_UNAVAILABLE', 'down');
    let stopped = false;
    const compute: Compute = {
      getInstance: () => Promise.reject(down),
      getPublicIp: ({ signal } = {}) =>
        new Promise((_, reject) => {
          signal?.addEventListener('abort', () => {
            stopped = true;
            reject(signal.reason);
          });
        }),
      act: async () => {},
    };
    const vm = createVm({
      compute,
      clock: systemClock,
      link: { connected: false, drop: () => {} },
    });
    await expect(vm.status()).rejects.toBe(down);
    expect(stopped).toBe(true);
  });

  test('after an action never shows what was read before it', async () => {
    const clock = fakeTimeouts();
    const { vm, world } = setUp('STOPPED');
    let release = () => {};
    world.beforeRead = () => new Promise((resolve) => (release = resolve));
    const early = vm.status();
    await until(() => world.reads === 1);
    world.beforeRead = async () => {};
    await vm.start();
    const late = vm.status();
    await clock.passEach(2000, () => world.reads === 3);
    expect((await late).lifecycleState).toBe('STARTING');
    release();
    expect((await early).lifecycleState).toBe('STOPPED');
  });

  test('ends at its deadline when OCI stays silent', async () => {
    const vm = createVm({
      compute: {
        getInstance: () => new Promise(() => {}),
        getPublicIp: () => new Promise(() => {}),
        act: async () => {},
      },
      clock: systemClock,
      link: { connected: false, drop: () => {} },
      statusDeadlineMs: 20,
    });
    expect((await refusal(vm.status())).code).toBe('SERVICE_UNAVAILABLE');
  });
});

describe('actions', () => {
  test.each([
    ['start', 'STOPPED', 'START'],
    ['stop', 'RUNNING', 'STOP'],
    ['reboot', 'RUNNING', 'SOFTRESET'],
    ['reset', 'RUNNING', 'RESET'],
  ] as const)(
    '%s() of a VM that is %s sends %s and drops the link',
    async (verb, state, action) => {
      const { vm, world } = setUp(state);
      expect(await vm[verb]()).toEqual({ action, status: 'initiated', vmId: 'oci-flex' });
      expect(world.sent).toEqual([action]);
      expect(world.drops).toHaveLength(1);
      expect(world.actions).toBe(1);
    },
  );

  test('stop({ soft: true }) sends SOFTSTOP, which asks the operating system', async () => {
    const { vm, world } = setUp('RUNNING');
    expect((await vm.stop({ soft: true })).action).toBe('SOFTSTOP');
    expect(world.sent).toEqual(['SOFTSTOP']);
  });

  test.each([
    ['start', 'RUNNING', 'VM already running'],
    ['start', 'STARTING', 'VM is starting'],
    ['stop', 'STOPPED', 'VM already stopped'],
    ['reboot', 'STOPPING', 'VM is stopping'],
    ['reset', 'STARTING', 'VM is starting'],
  ] as const)('%s() refuses a VM that is %s: %s', async (verb, state, words) => {
    const { vm, world } = setUp(state);
    const error = await refusal(vm[verb]());
    expect(error.code).toBe('CONFLICT');
    expect(error.message.startsWith(words)).toBe(true);
    expect(error.details).toEqual({ lifecycleState: state });
    expect([world.sent, world.drops]).toEqual([[], []]);
  });

  test('an action asks for no address, so it works without one', async () => {
    const { vm, world } = setUp();
    await vm.reset();
    expect(world.addressReads).toBe(0);
  });

  test('of two at once exactly one wins, and the other learns the state it lost to', async () => {
    const { vm, world } = setUp('STOPPED');
    const results = await Promise.allSettled([vm.start(), vm.start()]);
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(world.sent).toEqual(['START']);
    const loser = results.find((result) => result.status === 'rejected');
    expect(loser?.reason).toMatchObject({
      code: 'CONFLICT',
      text: 'VM is starting',
      message: expect.stringMatching(/^VM is starting/),
      details: { lifecycleState: 'STARTING' },
    });
  });

  test('a conflict that leaves the state as it was says that something else is at work', async () => {
    const { vm, world } = setUp();
    world.interfere = () => {
      world.version += 1;
    };
    const error = await refusal(vm.stop());
    expect([error.code, error.details]).toEqual(['CONFLICT', { lifecycleState: 'RUNNING' }]);
    expect(error.message).toMatch(/^VM in transition/);
  });

  test('a conflict stays a conflict when OCI cannot be asked again', async () => {
    const { vm, world } = setUp();
    world.interfere = () => {
      world.version += 1;
      world.beforeRead = () => Promise.reject(new AppError('SERVICE_UNAVAILABLE', 'down'));
    };
    const error = await refusal(vm.stop());
    expect([error.code, error.details]).toEqual(['CONFLICT', { lifecycleState: 'RUNNING' }]);
  });

  test('stop() and reset() cut a STOPPING short once it has been seen for more than 15 minutes', async () => {
    for (const verb of ['stop', 'reset'] as const) {
      const { vm, world } = setUp('STOPPING');
      await vm.status();
      world.elapsedMs += 15 * 60_000;
      expect((await refusal(vm[verb]())).code).toBe('CONFLICT');
      world.elapsedMs += 1;
      await vm[verb]();
      expect(world.sent).toHaveLength(1);
    }
  });

  test.each([
    ['start', 'STOPPED', 'reset'],
    ['stop', 'RUNNING', 'stop'],
    ['reboot', 'RUNNING', 'reset'],
  ] as const)(
    'a transition counts from the %s() that began it, though nobody looked since',
    async (begin, state, end) => {
      const { vm, world } = setUp(state);
      await vm[begin]();
      world.elapsedMs += 15 * 60_000;
      expect((await refusal(vm[end]())).code).toBe('CONFLICT');
      world.elapsedMs += 1;
      await vm[end]();
      expect(world.sent).toHaveLength(2);
    },
  );

  test('a transition that OCI shows late counts from the action, and one after it does not', async () => {
    const { vm, world } = setUp();
    await vm.stop({ soft: true });
    const [state, version] = [world.lifecycleState, world.version];
    Object.assign(world, { lifecycleState: 'RUNNING', version: version - 1 });
    await vm.status();
    Object.assign(world, { lifecycleState: state, version });
    world.elapsedMs += 15 * 60_000 + 1;
    await vm.stop();
    world.move('STOPPED');
    await vm.status();
    world.move('STARTING'); // by somebody else
    expect((await refusal(vm.reset())).code).toBe('CONFLICT');
  });

  test('a second action that OCI took in a transition makes it no shorter', async () => {
    const { vm, world } = setUp('STOPPING');
    await vm.status();
    world.elapsedMs += 15 * 60_000 + 1;
    await vm.stop();
    await vm.reset();
    expect(world.sent).toEqual(['STOP', 'RESET']);
  });

  test('a new version in a transition, as a rename makes, makes it no shorter; another state does', async () => {
    const { vm, world } = setUp('STARTING');
    await vm.status();
    world.elapsedMs += 14 * 60_000;
    world.move('STARTING');
    await vm.status();
    world.elapsedMs += 2 * 60_000;
    await vm.reset();
    world.move('RUNNING');
    await vm.status();
    world.move('STARTING');
    expect((await refusal(vm.reset())).code).toBe('CONFLICT');
  });

  test('a clock that is set forward makes no transition longer', async () => {
    const { vm, world } = setUp('STARTING');
    await vm.status();
    world.nowMs += 60 * 60_000;
    expect((await refusal(vm.reset())).code).toBe('CONFLICT');
  });

  test('an action is sent and takes effect although its caller leaves meanwhile', async () => {
    const { vm, world } = setUp();
    const caller = new AbortController();
    world.interfere = () => caller.abort(new Error('left'));
    await vm.stop({ signal: caller.signal });
    expect(world.drops).toHaveLength(1);
  });

  test('an action is not sent for a caller that left before', async () => {
    const { vm, world } = setUp();
    const caller = new AbortController();
    world.beforeRead = async () => caller.abort(new Error('left'));
    await expect(vm.stop({ signal: caller.signal })).rejects.toThrow('left');
    expect(world.sent).toEqual([]);
  });

  test('a failure of OCI reaches the caller as it is', async () => {
    const { vm, world } = setUp('STOPPED');
    const full = new AppError('SERVICE_UNAVAILABLE', 'full', {
      details: { reason: 'OUT_OF_CAPACITY' },
    });
    world.interfere = () => Promise.reject(full);
    expect(await refusal(vm.start())).toBe(full);
    expect(world.drops).toEqual([]);
  });

  test('onAction() is told of what was sent, whatever came of it, and of nothing else', async () => {
    const { vm, world } = setUp();
    await refusal(vm.start());
    expect(world.actions).toBe(0);
    world.interfere = () => Promise.reject(lost);
    await refusal(vm.stop());
    expect(world.actions).toBe(1);
  });
});

test('onNewVersion() is told of each version that follows another, whatever its state', async () => {
  const { vm, world } = setUp();
  await vm.status();
  await vm.status();
  expect(world.newVersions).toBe(0);
  world.move('RUNNING'); // by a reset that nobody looked at
  await vm.status({ address: false });
  await vm.status();
  expect(world.newVersions).toBe(1);
});

test('a stop is sent with the ETag from before it was confirmed, and not at all where it is not', async () => {
  const { vm, world } = setUp();
  const confirm = async () => {
    throw new Error('it is used');
  };
  await expect(vm.stop({ soft: true, confirm })).rejects.toThrow('it is used');
  expect(world.sent).toEqual([]);
  const meanwhile = async () => world.move('RUNNING');
  await expect(vm.stop({ soft: true, confirm: meanwhile })).rejects.toMatchObject({
    code: 'CONFLICT',
  });
  expect(world.lifecycleState).toBe('RUNNING');
  await vm.stop({ soft: true, confirm: async () => {} });
  expect(world.lifecycleState).toBe('STOPPING');
});

describe('an action whose answer was lost', () => {
  test('is a success when the state proves it', async () => {
    const { vm, world } = setUp();
    world.interfere = () => {
      world.move('STOPPING');
      throw lost;
    };
    expect(await vm.stop()).toMatchObject({ action: 'STOP' });
    expect(world.drops).toHaveLength(1);
  });

  test('is reported as unknown, with the state found, when it proves nothing', async () => {
    const { vm, world } = setUp();
    world.interfere = () => Promise.reject(lost);
    const error = await refusal(vm.stop());
    expect(error.code).toBe('SERVICE_UNAVAILABLE');
    expect(error.details).toEqual({
      reason: 'TIMEOUT',
      outcome: 'unknown',
      lifecycleState: 'RUNNING',
    });
    expect(error.message).toContain('unknown');
    expect(world.drops).toEqual([]);
  });

  test('is never a success for a reset, whose states prove nothing', async () => {
    const { vm, world } = setUp();
    world.interfere = () => {
      world.move('STARTING');
      throw lost;
    };
    expect((await refusal(vm.reset())).details.outcome).toBe('unknown');
  });

  test('is reported as unknown when OCI cannot be asked again', async () => {
    const { vm, world } = setUp('STOPPED');
    world.interfere = () => {
      world.beforeRead = () => Promise.reject(new AppError('SERVICE_UNAVAILABLE', 'down'));
      throw lost;
    };
    const error = await refusal(vm.start());
    expect(error.details).toEqual({ reason: 'TIMEOUT', outcome: 'unknown' });
    expect(world.drops).toHaveLength(1);
  });
});
