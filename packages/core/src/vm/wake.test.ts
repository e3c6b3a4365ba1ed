import { expect, test } from 'vitest';
import { AppError } from '../app-error.ts';
import {
  by,
  collectPhases,
  outOfCapacity,
  setUpSlowBootingVm,
} from '../testing/slow-booting-vm.test-support.ts';

/** What became of a call so far. */
function watchEnd<T>(work: Promise<T>) {
  const end: { value?: T; error?: unknown } = {};
  work.then(
    (value) => Object.assign(end, { value }),
    (error: unknown) => Object.assign(end, { error }),
  );
  return end;
}

test('a VM that is off is started once for all who ask, and they hear when it is ready', async () => {
  const { waker, world, pass } = setUpSlowBootingVm('STOPPED');
  const ends = Array.from({ length: 20 }, () => watchEnd(waker.wake({ by })));
  await pass(26_000);
  expect(ends.every(({ value }) => value === undefined)).toBe(true);
  await pass(2000);
  for (const { value } of ends) expect(value).toMatchObject({ ready: true, phase: 'on' });
  expect(world.starts).toHaveLength(1);
});

test('a VM that is on is answered for at once, without a START', async () => {
  const { waker, world, pass } = setUpSlowBootingVm('RUNNING');
  const end = watchEnd(waker.wake({ by }));
  await pass(10);
  expect(end.value).toMatchObject({ ready: true });
  expect(world.starts).toEqual([]);
});

test('a VM that is STOPPING is waited for and then started', async () => {
  const { waker, world, pass } = setUpSlowBootingVm('STOPPING');
  const end = watchEnd(waker.wake({ by }));
  await pass(14 * 60_000);
  expect(world.starts).toEqual([]);
  world.lifecycleState = 'STOPPED';
  await pass(30_000);
  expect(world.starts).toHaveLength(1);
  expect(end.value).toMatchObject({ ready: true });
});

test('a START that somebody else was faster with is no failure', async () => {
  const { waker, world, pass, run } = setUpSlowBootingVm('STOPPED');
  world.refuseStart = () => {
    world.lifecycleState = 'STARTING';
    setTimeout(run, world.startMs);
    throw new AppError('CONFLICT', 'It changed meanwhile');
  };
  const end = watchEnd(waker.wake({ by }));
  await pass(30_000);
  expect(end.value).toMatchObject({ ready: true });
  expect(world.starts).toHaveLength(1);
});

test('who does not wait is answered once OCI took the START', async () => {
  const { waker, world, pass } = setUpSlowBootingVm('STOPPED');
  const end = watchEnd(waker.wake({ by, waitMs: 0 }));
  await pass(100);
  expect(end.value).toMatchObject({ ready: false, phase: 'waking' });
  expect(world.starts).toHaveLength(1);
});

test('a caller whose time is up hears how far it is, and the VM comes up all the same', async () => {
  const { waker, world, readiness, pass } = setUpSlowBootingVm('STOPPING', { waitMs: 45_000 });
  const end = watchEnd(waker.wake({ by }));
  await pass(45_100);
  expect(end.value).toMatchObject({ ready: false, phase: 'stopping' });
  world.lifecycleState = 'STOPPED';
  await pass(30_000);
  expect(world.starts).toHaveLength(1);
  expect(await readiness.check()).toMatchObject({ ready: true });
});

test('a fault of ours in a START whose callers have left is told to the log, a refusal is not', async () => {
  const { waker, world, pass } = setUpSlowBootingVm('STOPPED');
  for (const error of [new TypeError('x is not a function'), new AppError('FORBIDDEN', 'no')]) {
    world.refuseStart = () => {
      throw error;
    };
    const leaving = new AbortController();
    const end = watchEnd(waker.wake({ by, signal: leaving.signal }));
    leaving.abort(new Error('left'));
    await pass(2000);
    expect(end.error).toEqual(new Error('left'));
  }
  expect(world.starts).toHaveLength(2);
  expect(world.faults).toEqual([new TypeError('x is not a function')]);
});

test('a caller who leaves takes nothing along', async () => {
  const { waker, world, pass } = setUpSlowBootingVm('STOPPING');
  const leaving = new AbortController();
  const end = watchEnd(waker.wake({ by, signal: leaving.signal }));
  await pass(1000);
  leaving.abort();
  await pass(0);
  expect(end.error).toBe(leaving.signal.reason);
  world.lifecycleState = 'STOPPED';
  await pass(2000);
  expect(world.starts).toHaveLength(1);
});

test('a lease is taken once the VM is ready', async () => {
  const { waker, world, pass } = setUpSlowBootingVm('STOPPED');
  const end = watchEnd(waker.wake({ by, minutes: 120, reason: 'a film' }));
  await pass(20_000);
  expect(world.leases).toEqual([]);
  await pass(8000);
  expect(world.leases).toEqual([{ minutes: 120, reason: 'a film', by }]);
  expect(end.value).toMatchObject({ ready: true, lease: { id: 'l', sub: 'diego' } });
});

test('a lease is taken, too, for a caller who was answered before, or has left', async () => {
  const { waker, world, pass } = setUpSlowBootingVm('STOPPED');
  const leaving = new AbortController();
  watchEnd(waker.wake({ by, minutes: 60, waitMs: 0 }));
  watchEnd(waker.wake({ by, minutes: 30, signal: leaving.signal }));
  await pass(1000);
  leaving.abort();
  await pass(27_000);
  expect(world.leases).toHaveLength(2);
  expect(world.late).toEqual([]);
});

test('a VM that OCI still calls RUNNING on its way down is started once it is off', async () => {
  const { waker, world, pass } = setUpSlowBootingVm('RUNNING');
  world.isSshUp = false;
  world.isDockerUp = false;
  const end = watchEnd(waker.wake({ by }));
  await pass(2000);
  world.lifecycleState = 'STOPPING';
  await pass(60_000);
  expect(world.starts).toEqual([]);
  world.lifecycleState = 'STOPPED';
  await pass(60_000);
  expect(world.starts).toHaveLength(1);
  expect(end.value).toMatchObject({ ready: true });
});

test('a lease that fails for a caller who has left is told', async () => {
  const { waker, world, pass } = setUpSlowBootingVm('STOPPED');
  world.refuseLease = () => {
    throw new AppError('INTERNAL_ERROR', 'the disk is full');
  };
  const leaving = new AbortController();
  watchEnd(waker.wake({ by, minutes: 30, signal: leaving.signal }));
  await pass(1000);
  leaving.abort();
  await pass(30_000);
  expect(world.late).toMatchObject([{ message: 'the disk is full' }]);
});

test.each([
  ['does not wait', 0],
  ['waits until it is just ready', 27_250],
])(
  'who %s for a VM that is ready by then hears of the lease, and where it fails',
  async (_, waitMs) => {
    const { waker, world, pass } = setUpSlowBootingVm(waitMs === 0 ? 'RUNNING' : 'STOPPED');
    let refuse = () => {};
    world.refuseLease = () =>
      new Promise((resolve, reject) => {
        refuse = () => reject(new AppError('INTERNAL_ERROR', 'the disk is full'));
        setTimeout(resolve, 2000);
      });
    const taken = watchEnd(waker.wake({ by, waitMs, minutes: 30 }));
    await pass(waitMs + 3000);
    expect(taken.value).toMatchObject({ ready: true, lease: { id: 'l' } });
    const failed = watchEnd(waker.wake({ by, waitMs: 0, minutes: 30 }));
    await pass(1000);
    expect(failed).toEqual({});
    refuse();
    await pass(0);
    expect(failed.error).toMatchObject({ message: 'the disk is full' });
    expect(world.late).toEqual([]);
  },
);

test('a lease that the VM does not answer for is no success', async () => {
  const { waker, world, pass } = setUpSlowBootingVm('RUNNING');
  world.refuseLease = () => new Promise(() => {});
  const end = watchEnd(waker.wake({ by, waitMs: 0, minutes: 30 }));
  await pass(31_000);
  expect(end.error).toMatchObject({
    code: 'SERVICE_UNAVAILABLE',
    text: 'Outcome unknown',
    details: { outcome: 'unknown' },
  });
});

test('who is told that there is no host gets no lease when somebody else has it tried again', async () => {
  const { waker, world, pass } = setUpSlowBootingVm('STOPPED');
  world.refuseStart = () => {
    throw outOfCapacity();
  };
  const told = watchEnd(waker.wake({ by, minutes: 30, waitMs: 20_000 }));
  const patient = watchEnd(waker.wake({ by, waitMs: 300_000 }));
  await pass(25_000);
  expect(told.error).toMatchObject({ details: { reason: 'OUT_OF_CAPACITY' } });
  world.refuseStart = () => {};
  await pass(120_000);
  expect(patient.value).toMatchObject({ ready: true });
  expect(world.leases).toEqual([]);
});

test('out of capacity: who waits has it tried again until the time is up, and the stream says when', async () => {
  const { waker, world, readiness, pass } = setUpSlowBootingVm('STOPPED');
  world.refuseStart = () => {
    throw outOfCapacity();
  };
  const end = watchEnd(waker.wake({ by, waitMs: 120_000 }));
  await pass(1000);
  const stream = collectPhases(await readiness.watch());
  await pass(3000);
  expect(stream.seen).toMatchObject([
    {
      phase: 'waking',
      vm: { lifecycleState: 'STOPPED' },
      nextStart: { reason: 'OUT_OF_CAPACITY' },
    },
  ]);
  expect(Date.parse(stream.seen[0]?.nextStart?.at ?? '')).toBe(
    1_800_000_000_000 + Math.floor(performance.now()) + 1000,
  );
  await pass(120_000);
  expect(end.error).toMatchObject({ details: { reason: 'OUT_OF_CAPACITY' } });
  expect(world.starts.map((ms) => Math.round(ms / 1000))).toEqual([0, 5, 15, 35, 75, 119]);
  expect(stream).toMatchObject({ isOver: true });
  expect(stream.phases().at(-1)).toBe('asleep');
});

test('out of capacity: a host that comes free in time is taken', async () => {
  const { waker, world, pass } = setUpSlowBootingVm('STOPPED');
  world.refuseStart = () => {
    if (world.starts.length < 3) throw outOfCapacity();
  };
  const end = watchEnd(waker.wake({ by, waitMs: 120_000 }));
  await pass(45_000);
  expect(end.value).toMatchObject({ ready: true });
  expect(end.value).not.toHaveProperty('nextStart');
  expect(world.starts).toHaveLength(3);
});

test.each([
  ['does not wait', 0, 100],
  ['waits for a second', 1000, 1100],
  ['does not say', undefined, 31_000],
])('out of capacity: who %s is told', async (_, waitMs, passMs) => {
  const { waker, world, pass } = setUpSlowBootingVm('STOPPED');
  world.refuseStart = () => {
    throw outOfCapacity();
  };
  const end = watchEnd(waker.wake({ by, waitMs }));
  await pass(passMs);
  expect(end.error).toMatchObject({
    code: 'SERVICE_UNAVAILABLE',
    details: { reason: 'OUT_OF_CAPACITY' },
  });
  const { length } = world.starts;
  await pass(600_000);
  expect(world.starts).toHaveLength(length); // nobody waits any longer
});

test('out of capacity: what comes after a wake is given up as early, for a caller who does not say how long to wait', async () => {
  const { waker, world, pass } = setUpSlowBootingVm('STOPPED');
  world.refuseStart = () => {
    throw outOfCapacity();
  };
  const end = watchEnd(waker.ensureAwake({}));
  const joined = watchEnd(waker.wake({ by }));
  await pass(31_000);
  for (const { error } of [end, joined])
    expect(error).toMatchObject({ details: { reason: 'OUT_OF_CAPACITY' } });
});

test('out of capacity: who does not say is told as early though somebody else waits for longer', async () => {
  const { waker, world, pass } = setUpSlowBootingVm('STOPPED');
  world.refuseStart = () => {
    throw outOfCapacity();
  };
  const patient = watchEnd(waker.wake({ by, waitMs: 600_000 }));
  await pass(1000);
  const plain = watchEnd(waker.wake({ by, minutes: 5 }));
  await pass(31_000);
  expect(plain.error).toMatchObject({ details: { reason: 'OUT_OF_CAPACITY' } });
  world.refuseStart = () => {};
  await pass(120_000);
  expect(patient.value).toMatchObject({ ready: true });
  expect(world.leases).toEqual([]);
});

test('what waiting does not change ends the wait and says why', async () => {
  const { waker, world, pass } = setUpSlowBootingVm('RUNNING');
  world.isSshUp = false;
  world.sshFailure = new AppError('SERVICE_UNAVAILABLE', 'its host key has changed', {
    details: { reason: 'HOST_KEY_CHANGED' },
  });
  const end = watchEnd(waker.wake({ by }));
  await pass(2000);
  expect(end.error).toMatchObject({
    code: 'SERVICE_UNAVAILABLE',
    message: expect.stringContaining('its host key has changed'),
    details: { phase: 'unreachable', lifecycleState: 'RUNNING' },
  });
});

test('a VM that was deleted is a conflict, and OCI out of reach is unavailable', async () => {
  const { waker, world, pass } = setUpSlowBootingVm('TERMINATED');
  const gone = watchEnd(waker.wake({ by }));
  await pass(10);
  expect(gone.error).toMatchObject({ code: 'CONFLICT', text: 'VM was deleted' });
  world.failOci = () => {
    throw new AppError('SERVICE_UNAVAILABLE', 'OCI is down', { text: 'OCI not reachable' });
  };
  const unknown = watchEnd(waker.wake({ by }));
  await pass(10);
  expect(unknown.error).toMatchObject({ text: 'OCI not reachable' });
});

test('a VM that is stopped while it comes up ends the wait', async () => {
  const { waker, world, pass } = setUpSlowBootingVm('STOPPED');
  const end = watchEnd(waker.wake({ by }));
  await pass(20_000);
  world.lifecycleState = 'STOPPED';
  await pass(2000);
  expect(end.error).toMatchObject({ details: { phase: 'asleep', lifecycleState: 'STOPPED' } });
});

test('what comes after a wake is not begun unless the VM is ready in time', async () => {
  const { waker, pass } = setUpSlowBootingVm('STOPPED');
  const late = watchEnd(waker.ensureAwake({ waitMs: 5000 }));
  await pass(5100);
  expect(late.error).toMatchObject({
    code: 'SERVICE_UNAVAILABLE',
    text: 'VM is starting',
    details: { phase: 'waking', retryAfterSeconds: 10 },
  });
  const inTime = watchEnd(waker.ensureAwake({}).then(() => 'ready'));
  await pass(30_000);
  expect(inTime.value).toBe('ready');
});

test('a shutdown tells those who wait for a VM that comes up how far it is, but for a lease that nobody takes then', async () => {
  const { waker, pass } = setUpSlowBootingVm('STOPPED');
  const plain = watchEnd(waker.wake({ by }));
  const kept = watchEnd(waker.wake({ by, minutes: 60 }));
  const before = watchEnd(waker.ensureAwake({}));
  await pass(5000);
  await waker[Symbol.asyncDispose]();
  await pass(10);
  expect(plain.value).toMatchObject({ ready: false, phase: 'waking' });
  expect(kept.error).toMatchObject({ text: 'API is shutting down' });
  expect(before.error).toMatchObject({ text: 'API is shutting down' });
});

test('a shutdown answers those who wait', async () => {
  const { waker, pass } = setUpSlowBootingVm('STOPPING');
  const end = watchEnd(waker.wake({ by }));
  await pass(1000);
  await waker[Symbol.asyncDispose]();
  await pass(0);
  expect(end.error).toMatchObject({ text: 'API is shutting down' });
});
