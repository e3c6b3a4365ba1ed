// A VM in memory that takes its time to boot and to shut down, with the services of readiness and wake over it.

import { AppError } from '../app-error.ts';
import type { VmReady } from '../model/ready.ts';
import type { LifecycleState } from '../model/vm.ts';
import { createReadiness } from '../vm/readiness.ts';
import { createWaker } from '../vm/wake.ts';
import { fakeTimeouts } from './fake-timeouts.test-support.ts';

export const outOfCapacity = () =>
  new AppError('SERVICE_UNAVAILABLE', 'OCI is out of capacity', {
    text: 'OCI out of capacity',
    details: { reason: 'OUT_OF_CAPACITY', retryAfterSeconds: 300 },
  });

export const by = { sub: 'diego', clientId: 'cli' };

const stepMs = 250;

/** Durations are those of the fake clock; until the test's end everything goes by it. */
export function setUpSlowBootingVm(
  lifecycleState: LifecycleState = 'STOPPED',
  { waitMs }: { waitMs?: number } = {},
) {
  const { pass: passTimers } = fakeTimeouts();
  /** In steps, with turns in between: shared reads begin in a turn of their own. */
  const pass = async (ms: number) => {
    for (let leftMs = ms; leftMs >= 0; leftMs -= stepMs) {
      await passTimers(Math.min(leftMs, stepMs));
      for (let turns = 0; turns < 3; turns += 1) await new Promise(setImmediate);
    }
  };
  const world = {
    lifecycleState,
    /** Of START. */
    startMs: 10_000,
    /** Of SSH, after RUNNING; and Docker, after that. */
    sshMs: 15_000,
    dockerMs: 2000,
    /** What OCI does instead of taking a START. */
    refuseStart: (): void => {},
    failOci: (): void | Promise<void> => {},
    failConsole: (): void => {},
    sshFailure: new AppError('SERVICE_UNAVAILABLE', 'nothing listens', {
      details: { reason: 'CONNECTION_REFUSED' },
    }),
    console: 'oci-flex login: ',
    isConnected: false,
    /** How a call fails on a connection that is still held to be open. */
    frozen: undefined as Error | undefined,
    isSshUp: lifecycleState === 'RUNNING',
    /** What a dial waits for. */
    dialling: Promise.resolve(),
    isDockerUp: lifecycleState === 'RUNNING',
    starts: [] as number[],
    ociReads: 0,
    dials: 0,
    captures: 0,
    leases: [] as unknown[],
    refuseLease: (): void | Promise<void> => {},
    late: [] as unknown[],
    /** Faults of ours that the log is told. */
    faults: [] as unknown[],
  };
  const clock = {
    now: () => new Date(1_800_000_000_000 + performance.now()),
    elapsedMs: () => performance.now(),
  };
  const startedAtMs = performance.now();
  const onInternalError = (error: unknown) => void world.faults.push(error);
  const vm = {
    async status() {
      world.ociReads += 1;
      await world.failOci();
      const { lifecycleState } = world;
      return { vmId: 'oci-flex', lifecycleState, displayName: 'vm', lastCheck: '' } as const;
    },
    async start() {
      if (world.lifecycleState !== 'STOPPED')
        throw new AppError('CONFLICT', 'VM already running', { details: { lifecycleState } });
      world.starts.push(performance.now() - startedAtMs);
      world.refuseStart();
      world.lifecycleState = 'STARTING';
      setTimeout(run, world.startMs);
      readiness.acted();
      return { action: 'START', status: 'initiated', vmId: 'oci-flex' } as const;
    },
  };
  const run = () => {
    world.lifecycleState = 'RUNNING';
    setTimeout(() => {
      world.isSshUp = true;
    }, world.sshMs);
    setTimeout(() => {
      world.isDockerUp = true;
    }, world.sshMs + world.dockerMs);
  };
  const readiness = createReadiness({
    vm,
    link: {
      get connected() {
        return world.isConnected;
      },
    },
    hurry() {},
    async readVersion() {
      world.dials += 1;
      await world.dialling;
      world.isConnected = world.isSshUp;
      if (!world.isSshUp) throw world.sshFailure;
      if (world.frozen !== undefined) throw world.frozen;
      if (!world.isDockerUp)
        throw new AppError('SERVICE_UNAVAILABLE', 'Docker is down', {
          text: 'Docker not reachable',
        });
      return '28.3.3';
    },
    async readConsole() {
      world.captures += 1;
      world.failConsole();
      return { logs: world.console };
    },
    clock,
    onInternalError,
  });
  const waker = createWaker({
    vm,
    readiness,
    async takeLease(request) {
      await world.refuseLease();
      world.leases.push(request);
      const at = clock.now().toISOString();
      return { id: 'l', ...by, reason: request.reason ?? '', createdAt: at, expiresAt: at };
    },
    clock,
    waitMs,
    onLateFailure: (error) => void world.late.push(error),
    onInternalError,
  });
  return { world, readiness, waker, pass, run };
}

/** The phases of what a stream gives, from now on. */
export function collectPhases(items: AsyncIterable<VmReady>) {
  const seen: VmReady[] = [];
  const state = { seen, isOver: false, phases: () => seen.map(({ phase }) => phase) };
  void (async () => {
    for await (const item of items) seen.push(item);
    state.isOver = true;
  })();
  return state;
}
