import { expect, test } from 'vitest';
import { AppError } from '../app-error.ts';
import { offInsideMs } from '../model/defaults-limits-timeouts.ts';
import { vmReadySchema } from '../model/ready.ts';
import { collectPhases, setUpSlowBootingVm } from '../testing/slow-booting-vm.test-support.ts';
import { createReadiness } from './readiness.ts';
import { createVm } from './vm.ts';

test('a VM that is off is told so and not dialled', async () => {
  const { readiness, world } = setUpSlowBootingVm('STOPPED');
  const ready = vmReadySchema.strict().parse(await readiness.check());
  expect(ready).toMatchObject({
    ready: false,
    phase: 'asleep',
    vm: { lifecycleState: 'STOPPED' },
    ssh: { ok: false, reason: 'oci-flex is STOPPED' },
    docker: { ok: false },
  });
  expect(world.dials).toBe(0);
});

test('a VM that is on answers with the version of Docker', async () => {
  const { readiness } = setUpSlowBootingVm('RUNNING');
  expect(await readiness.check()).toMatchObject({
    ready: true,
    phase: 'on',
    ssh: { ok: true },
    docker: { ok: true, version: '28.3.3' },
  });
});

test('what does not answer says why, and it is never an error', async () => {
  const { readiness, world } = setUpSlowBootingVm('RUNNING');
  world.isSshUp = false;
  expect(await readiness.check()).toMatchObject({
    phase: 'unreachable',
    ssh: { ok: false, reason: 'nothing listens' },
  });
  world.isSshUp = true;
  world.isDockerUp = false;
  expect(await readiness.check()).toMatchObject({
    ready: false,
    phase: 'on',
    ssh: { ok: true },
    docker: { ok: false, reason: 'Docker is down' },
  });
  world.isConnected = false;
  world.isSshUp = false;
  world.failOci = () => {
    throw new AppError('INTERNAL_ERROR', 'OCI refused our credentials');
  };
  const ready = vmReadySchema.strict().parse(await readiness.check());
  expect(ready).toMatchObject({
    phase: 'unreachable',
    vm: { reason: 'OCI refused our credentials' },
  });
  expect(ready.vm).not.toHaveProperty('lifecycleState');
});

test('it is told although OCI and then SSH take all the time that they may have', async () => {
  const { readiness, world, pass } = setUpSlowBootingVm('RUNNING');
  world.failOci = async () => {
    await new Promise((resolve) => setTimeout(resolve, 30_000));
    throw new AppError('SERVICE_UNAVAILABLE', 'OCI did not answer');
  };
  world.dialling = new Promise(() => {});
  const checked = readiness.check();
  await pass(51_000);
  expect(await checked).toMatchObject({
    ready: false,
    vm: { reason: 'OCI did not answer' },
    ssh: { reason: 'neither SSH nor Docker answered in time' },
  });
});

test('a fault of ours is told to no caller, and to the log', async () => {
  const { readiness, world, pass } = setUpSlowBootingVm('RUNNING');
  const fault = new TypeError('x is not a function');
  const reason = 'it failed inside the API, whose log has more';
  world.frozen = fault;
  expect(await readiness.check()).toMatchObject({ docker: { ok: false, reason } });
  expect(world.faults).toEqual([fault]);
  world.isConnected = false;
  world.isSshUp = false;
  world.failOci = () => {
    throw fault;
  };
  expect(await readiness.check()).toMatchObject({ vm: { reason } });
  expect(world.faults).toEqual([fault, fault]);
  world.failOci = () => {};
  world.failConsole = () => {
    throw fault;
  };
  await pass(offInsideMs);
  await readiness.check();
  await pass(10);
  expect([world.captures, world.faults.length]).toEqual([1, 3]);
});

test('a connection that leads nowhere any more counts as gone before it is known to be lost', async () => {
  const { readiness, world } = setUpSlowBootingVm('RUNNING');
  await readiness.check();
  world.frozen = new AppError('SERVICE_UNAVAILABLE', 'The VM did not open a channel in time', {
    details: { reason: 'CHANNEL_TIMEOUT' },
  });
  expect(await readiness.check()).toMatchObject({
    ready: false,
    phase: 'unreachable',
    ssh: { ok: false, reason: 'The VM did not open a channel in time' },
  });
});

test('a stream tells each stage of a boot once and ends within a second of it being ready', async () => {
  const { readiness, world, pass, run } = setUpSlowBootingVm('STARTING');
  const stream = collectPhases(await readiness.watch());
  await pass(5000);
  run();
  await pass(world.sshMs + world.dockerMs + 1000);
  expect(stream.isOver).toBe(true);
  expect(stream.seen.map(({ vm, ssh, docker }) => [vm.lifecycleState, ssh.ok, docker.ok])).toEqual([
    ['STARTING', false, false],
    ['RUNNING', false, false],
    ['RUNNING', true, false],
    ['RUNNING', true, true],
  ]);
  expect(stream.phases()).toEqual(['waking', 'waking', 'waking', 'on']);
  const { ociReads } = world;
  await pass(60_000);
  expect(world.ociReads).toBe(ociReads); // nobody watches any longer
});

test('however many watch, there is one poll', async () => {
  const { readiness, world, pass } = setUpSlowBootingVm('STARTING');
  const streams = await Promise.all(
    Array.from({ length: 50 }, async () => collectPhases(await readiness.watch())),
  );
  await pass(10_000);
  expect(world.ociReads).toBeLessThanOrEqual(15);
  for (const stream of streams) expect(stream.phases()).toEqual(['waking']);
});

test.each([
  ['asleep', 'STOPPED'],
  ['deleted', 'TERMINATED'],
] as const)('a stream of a VM that is %s ends after it has told so', async (_, state) => {
  const { readiness, pass } = setUpSlowBootingVm(state);
  const stream = collectPhases(await readiness.watch());
  await pass(10);
  expect(stream).toMatchObject({ isOver: true, seen: [{ vm: { lifecycleState: state } }] });
});

test('a stream ends where the host key is refused, and not where the network is away', async () => {
  const { readiness, world, pass } = setUpSlowBootingVm('RUNNING');
  world.isSshUp = false;
  const stream = collectPhases(await readiness.watch());
  await pass(5000);
  expect(stream).toMatchObject({ isOver: false, seen: [{ phase: 'unreachable' }] });
  world.sshFailure = new AppError('SERVICE_UNAVAILABLE', 'its host key has changed', {
    details: { reason: 'HOST_KEY_CHANGED' },
  });
  await pass(1000);
  expect(stream.isOver).toBe(true);
});

test('a stream that follows goes on until its reader leaves', async () => {
  const { readiness, world, pass } = setUpSlowBootingVm('RUNNING');
  const leaving = new AbortController();
  const stream = collectPhases(await readiness.watch({ follow: true, signal: leaving.signal }));
  await pass(1000);
  world.lifecycleState = 'STOPPING';
  await pass(1000);
  world.lifecycleState = 'STOPPED';
  await pass(1000);
  expect(stream).toMatchObject({ isOver: false });
  expect(stream.phases()).toEqual(['on', 'stopping', 'asleep']);
  leaving.abort();
  await pass(0);
  expect(stream.isOver).toBe(true);
});

test('a VM whose system has shut down is off-inside once SSH is gone for ten minutes, by one capture', async () => {
  const { readiness, world, pass } = setUpSlowBootingVm('RUNNING');
  const stream = collectPhases(await readiness.watch({ follow: true }));
  await pass(1000);
  world.isConnected = false;
  world.isSshUp = false;
  world.console = '[ 912.1] reboot: Power down\r\n';
  await pass(offInsideMs - 5000);
  expect(world.captures).toBe(0);
  expect(stream.phases()).toEqual(['on', 'unreachable']);
  await pass(20_000);
  expect(stream.phases()).toEqual(['on', 'unreachable', 'off-inside']);
  expect(world.captures).toBe(1);
  world.isSshUp = true;
  await pass(5000);
  expect(stream.phases().at(-1)).toBe('on');
  await readiness[Symbol.asyncDispose]();
});

test('a VM that was off-inside and has another version since is waking: somebody may have restarted it', async () => {
  const world = { etag: '1', nowMs: 0, captures: 0 };
  const clock = { now: () => new Date(), elapsedMs: () => world.nowMs };
  const link = { connected: false, drop() {} };
  const vm = createVm({
    compute: {
      getInstance: async () => ({ lifecycleState: 'RUNNING', displayName: 'vm', etag: world.etag }),
      getPublicIp: async () => undefined,
      act: async () => {},
    },
    ...{ clock, link, onNewVersion: () => readiness.acted() },
  });
  const readiness = createReadiness({
    ...{ vm, link, clock, hurry() {} },
    readVersion: () => Promise.reject(new AppError('SERVICE_UNAVAILABLE', 'nothing listens')),
    async readConsole() {
      world.captures += 1;
      return { logs: 'reboot: Power down' };
    },
  });
  const phaseAfter = async (ms: number) => {
    world.nowMs += ms;
    return (await readiness.check()).phase;
  };
  expect(await phaseAfter(0)).toBe('unreachable');
  await phaseAfter(offInsideMs); // has the console read
  expect(await phaseAfter(0)).toBe('off-inside');
  world.etag = '2';
  expect(await phaseAfter(0)).toBe('waking');
  expect(world.captures).toBe(1);
  await phaseAfter(offInsideMs);
  expect([await phaseAfter(0), world.captures]).toEqual(['off-inside', 2]);
});

test('a VM that is merely out of reach is not taken for off, and its console is read rarely', async () => {
  const { readiness, world, pass } = setUpSlowBootingVm('RUNNING');
  world.isSshUp = false;
  const stream = collectPhases(await readiness.watch({ follow: true }));
  await pass(3 * offInsideMs + 10_000);
  expect(stream.phases()).toEqual(['unreachable']);
  expect(world.captures).toBe(3);
  await readiness[Symbol.asyncDispose]();
  await pass(0);
  expect(stream.isOver).toBe(true);
});
