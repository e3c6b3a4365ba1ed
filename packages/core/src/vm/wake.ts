// Wakes the VM: starts it where it is off, waits until it is ready, and takes a lease where one is asked for.

import type { CallOptions, Clock } from '../adapter-ports.ts';
import { AppError, isAppError } from '../app-error.ts';
import { pause, withDeadline } from '../concurrency/deadline.ts';
import type { OnInternalError } from '../internal-error.ts';
import type { Lease } from '../model/lease.ts';
import type { VmReady } from '../model/ready.ts';
import { transitionTexts, vmId } from '../model/vm.ts';
import type { Readiness } from './readiness.ts';
import type { Vm } from './vm.ts';

export interface WakeRequest extends CallOptions {
  /** How long the caller waits for it to be ready; 0: only until OCI has taken the START. */
  readonly waitMs?: number | undefined;
  /** Given: a lease is taken once the VM is ready, also when the caller has been answered before. */
  readonly minutes?: number | undefined;
  readonly reason?: string | undefined;
  readonly by: { readonly sub: string; readonly clientId: string };
}

export type WakeResult = VmReady & { readonly lease?: Lease };

export interface Waker extends AsyncDisposable {
  /**
   * Resolves once the VM is ready and the lease taken, or with what it is like when the caller's time is up, or this process ends once OCI took the START and no lease is asked for: then it comes up all the same. One START, however many ask.
   * Throws `SERVICE_UNAVAILABLE` where it cannot become ready by waiting, with `details.reason` `OUT_OF_CAPACITY` when OCI had no host until the time was up,
   * `CONFLICT` when it was deleted, and what a lease throws.
   */
  wake(request: WakeRequest): Promise<WakeResult>;
  /** The same, for what is done next: throws `SERVICE_UNAVAILABLE` unless the VM is ready in time. Leaves with its signal. */
  ensureAwake(request: Pick<WakeRequest, 'waitMs' | 'signal'>): Promise<void>;
}

export interface WakerOptions {
  readonly vm: Pick<Vm, 'start' | 'status'>;
  readonly readiness: Pick<Readiness, 'check' | 'watch' | 'noteWake'>;
  readonly takeLease: (
    request: { readonly minutes: number; readonly reason?: string | undefined } & Pick<
      WakeRequest,
      'by'
    >,
  ) => Promise<Lease>;
  readonly clock: Clock;
  /** How long a caller is kept who does not say; until it is ready if left out. */
  readonly waitMs?: number | undefined;
  /** Told what failed after its caller had been answered. */
  readonly onLateFailure?: (error: unknown) => void;
  readonly onInternalError?: OnInternalError;
  readonly timings?: Partial<WakeTimings>;
}

export interface WakeTimings {
  /** Between looks at a VM that is on its way down. */
  readonly pollMs: number;
  /** Before the second attempt of a START that OCI has no host for; twice as long each time, up to `maxRetryMs`. */
  readonly retryMs: number;
  readonly maxRetryMs: number;
}

const defaultTimings: WakeTimings = { pollMs: 1000, retryMs: 5000, maxRetryMs: 60_000 };

/** SOFTSTOP alone can take 15 minutes. */
const maxWakeMs = 30 * 60_000;
/** For the START to be sent where the caller does not wait for more. */
const maxStartMs = 30_000;
/** For a lease on a VM that is ready, which nobody is told of before it is taken. */
const maxLeaseMs = 30_000;
/** For OCI to show that a START was taken. */
const maxLagMs = 10_000;
/** So long a START is repeated for a caller who does not say how long to wait. */
const unaskedRetryMs = 30_000;

/** A START that is being brought about, for all who wait for it. */
interface Run {
  /** Once OCI took the START, or the VM is on its way or up by itself. */
  readonly started: Promise<void>;
  /** It was this that had to start it. */
  sentStart: boolean;
  /** The last that OCI said to a START it had no host for. */
  refusal: AppError | undefined;
  readonly refused: Promise<void>;
  /** Until when somebody wants it repeated. */
  retryUntilMs: number;
}

/** Builds the service; it does nothing unless somebody asks. */
export function createWaker({
  vm,
  readiness,
  takeLease,
  clock,
  waitMs: defaultWaitMs = maxWakeMs,
  onLateFailure = () => {},
  onInternalError = () => {},
  timings: given,
}: WakerOptions): Waker {
  const timings = { ...defaultTimings, ...given };
  const closing = new AbortController();
  let run: Run | undefined;

  return {
    wake,
    async ensureAwake({ waitMs, signal }) {
      const { ready, phase, vm: power, ssh, docker } = await wake({ waitMs, signal, by: nobody });
      if (ready) return;
      closing.signal.throwIfAborted();
      const why = ssh.reason ?? docker.reason ?? power.reason ?? phase;
      throw new AppError(
        'SERVICE_UNAVAILABLE',
        `${vmId} is being woken and was not ready within ${Math.round((waitMs ?? defaultWaitMs) / 1000)} s (${why}), so nothing was done yet; ask again`,
        {
          text: 'VM is starting',
          details: { phase, lifecycleState: power.lifecycleState, retryAfterSeconds: 10 },
        },
      );
    },
    async [Symbol.asyncDispose]() {
      closing.abort(
        new AppError('SERVICE_UNAVAILABLE', 'This API shuts down; wake it again in a moment', {
          text: 'API is shutting down',
          details: { reason: 'SHUTTING_DOWN' },
        }),
      );
      await run?.started.catch(() => {});
    },
  };

  async function wake({
    minutes,
    reason,
    by,
    signal,
    ...request
  }: WakeRequest): Promise<WakeResult> {
    signal?.throwIfAborted();
    const { waitMs = defaultWaitMs } = request;
    const ownMs = Math.min(waitMs, maxWakeMs);
    const retryMs = request.waitMs === undefined ? Math.min(ownMs, unaskedRetryMs) : ownMs;
    const own = join(clock.elapsedMs() + retryMs);
    let isStarted = false;
    own.started.then(
      () => {
        isStarted = true;
      },
      () => {}, // everybody who waits hears of it
    );
    const isKept = minutes !== undefined; // then it is seen through, whether or not its caller waits
    const leaving = signal === undefined || isKept ? [] : [signal];
    const time = startTime(isKept ? maxWakeMs : ownMs, [closing.signal, ...leaving]);
    const work = bringUp().finally(time.end);
    work.catch(() => {}); // who was answered before hears no more of it
    const waitFor = (end: Promise<WakeResult | undefined>, timeoutMs: number) =>
      withDeadline(() => end, { timeoutMs, signal, onTimeout: () => timeIsUp }).catch((error) => {
        if (error === timeIsUp) return undefined;
        if (closing.signal.aborted && isStarted && !isKept && !signal?.aborted) return undefined;
        if (isKept && signal?.aborted) work.catch(onLateFailure);
        throw error;
      });
    const isRefused = () => own.refusal !== undefined && run === own;
    let result = await (ownMs === 0
      ? waitFor(
          Promise.race([own.started, own.refused]).then(() => undefined),
          maxStartMs,
        )
      : waitFor(work, retryMs));
    if (result === undefined && retryMs < ownMs && !isRefused())
      result = await waitFor(work, ownMs - retryMs);
    if (result !== undefined) return result;
    if (isRefused()) {
      time.end(); // who is told that it failed gets no lease later
      throw own.refusal;
    }
    const ready = await readiness.check(isKept ? {} : { signal });
    if (isKept && ready.ready) result = await waitFor(work, maxLeaseMs);
    if (result !== undefined) return result;
    if (isKept) work.catch(onLateFailure);
    else time.end();
    if (isKept && ready.ready) throw leaseUnknown();
    return ready;

    async function bringUp(): Promise<WakeResult> {
      let current = own;
      await current.started;
      let ready = await waitUntilEnd(current, time.signal);
      // It was on its way down while OCI still said RUNNING.
      while (ready.phase === 'asleep' && !current.sentStart) {
        current = join(clock.elapsedMs() + retryMs);
        await current.started;
        ready = await waitUntilEnd(current, time.signal);
      }
      if (!ready.ready) throw toDeadEnd(ready);
      if (minutes === undefined) return ready;
      return { ...ready, lease: await takeLease({ minutes, reason, by }) };
    }
  }

  /** What it is like once it is ready, or cannot become so by waiting. */
  async function waitUntilEnd({ sentStart }: Run, signal: AbortSignal): Promise<VmReady> {
    const startedMs = clock.elapsedMs();
    for (;;) {
      let last: VmReady | undefined;
      for await (const ready of await readiness.watch({ signal })) last = ready;
      if (last?.ready === true) return last;
      if (signal.aborted) throw isAppError(signal.reason) ? signal.reason : timeIsUp;
      const mayLag = sentStart && last?.phase === 'asleep'; // OCI need not show at once what it has taken
      if (last !== undefined && !(mayLag && clock.elapsedMs() - startedMs < maxLagMs)) return last;
      await pause(timings.pollMs, signal).catch(() => {}); // the next round says why
    }
  }

  function join(retryUntilMs: number): Run {
    if (run !== undefined) {
      run.retryUntilMs = Math.max(run.retryUntilMs, retryUntilMs);
      return run;
    }
    let onRefused = () => {};
    const refused = new Promise<void>((resolve) => {
      onRefused = resolve;
    });
    const own: Run = {
      started: start(),
      sentStart: false,
      refusal: undefined,
      refused,
      retryUntilMs,
    };
    own.started.catch(() => {}); // everybody who waits hears of it
    run = own;
    return own;

    async function start(): Promise<void> {
      await Promise.resolve(); // until `run` is set
      readiness.noteWake({});
      try {
        await startVm(own, onRefused);
      } catch (error) {
        // Whoever waited for it may have left.
        if (!isAppError(error) && error !== timeIsUp) onInternalError(error);
        throw error;
      } finally {
        run = undefined;
        readiness.noteWake(undefined);
      }
    }
  }

  async function startVm(own: Run, onRefused: () => void): Promise<void> {
    const { signal } = closing;
    const untilMs = clock.elapsedMs() + maxWakeMs;
    let attempts = 0;
    for (let polls = 0; clock.elapsedMs() < untilMs; polls += 1) {
      const state = await readState(polls > 0, signal);
      if (state === 'TERMINATED' || state === 'TERMINATING') throw deleted(state);
      if (state === 'STOPPED') {
        const refusal = await tryStart(signal);
        if (refusal === 'started') {
          own.sentStart = true;
          return;
        }
        if (refusal !== undefined) {
          const retryMs = Math.min(timings.retryMs * 2 ** attempts, timings.maxRetryMs);
          attempts += 1;
          own.refusal = refusal;
          await waitToRetry(own, retryMs, onRefused);
          continue;
        }
      } else if (state !== undefined && state !== 'STOPPING' && state !== 'CREATING_IMAGE') return;
      await pause(timings.pollMs, signal);
    }
    throw timeIsUp;
  }

  /** Undefined while OCI does not say, which is thrown where it is the first that was asked. */
  async function readState(isKnown: boolean, signal: AbortSignal) {
    try {
      return (await vm.status({ address: false, signal })).lifecycleState;
    } catch (error) {
      if (!isKnown || !isAppError(error, 'SERVICE_UNAVAILABLE')) throw error;
      return undefined;
    }
  }

  /** Undefined when somebody else changes it at the same time: its state says more. */
  async function tryStart(signal: AbortSignal): Promise<'started' | AppError | undefined> {
    try {
      await vm.start({ signal });
      return 'started';
    } catch (error) {
      if (isAppError(error, 'CONFLICT')) return undefined;
      if (isAppError(error) && error.details.reason === 'OUT_OF_CAPACITY') return error;
      throw error;
    }
  }

  /** Throws the refusal once nobody waits any longer; the last attempt is at the end of the time. */
  async function waitToRetry(own: Run, retryMs: number, onRefused: () => void): Promise<void> {
    const leftMs = own.retryUntilMs - clock.elapsedMs();
    const isLast = leftMs < timings.retryMs / 2;
    const waitMs = isLast ? 0 : Math.min(retryMs, Math.max(leftMs - timings.retryMs / 5, 0));
    if (isLast) throw own.refusal;
    onRefused();
    const at = new Date(clock.now().getTime() + waitMs).toISOString();
    readiness.noteWake({ nextStart: { reason: 'OUT_OF_CAPACITY', at } });
    await pause(waitMs, closing.signal);
    readiness.noteWake({});
  }
}

const nobody = { sub: '', clientId: '' };

const timeIsUp = new Error('the time is up');

/** A signal that aborts after so long, or with one of the others. */
function startTime(timeoutMs: number, others: readonly AbortSignal[]) {
  const controller = new AbortController();
  const end = () => {
    clearTimeout(timer);
    controller.abort();
  };
  const timer = setTimeout(end, timeoutMs);
  return { signal: AbortSignal.any([controller.signal, ...others]), end };
}

function deleted(state: 'TERMINATED' | 'TERMINATING'): AppError {
  return new AppError(
    'CONFLICT',
    `${vmId} cannot be woken: it is ${state} and does not come back`,
    {
      text: transitionTexts[state],
      details: { lifecycleState: state },
    },
  );
}

function leaseUnknown(): AppError {
  return new AppError(
    'SERVICE_UNAVAILABLE',
    `${vmId} is ready, but its lease was not taken within ${maxLeaseMs / 1000} s and may still be: look at GET /vm/idle before you ask again`,
    { text: 'Outcome unknown', details: { outcome: 'unknown' } },
  );
}

function toDeadEnd({ phase, vm: { lifecycleState }, ssh }: VmReady): AppError {
  const why =
    phase === 'off-inside'
      ? 'its system has shut down, though OCI says RUNNING and bills it; stop it with POST /vm/stop, then wake it again'
      : phase === 'unreachable'
        ? (ssh.reason ?? 'SSH does not answer')
        : `it is ${lifecycleState} again, so something stopped it, or OCI could not run it`;
  const isRunning = lifecycleState === 'RUNNING';
  return new AppError(
    'SERVICE_UNAVAILABLE',
    `${vmId} was woken and does not become ready: ${why}`,
    {
      text: isRunning ? 'VM not reachable via SSH' : 'VM not running',
      details: { phase, lifecycleState },
    },
  );
}
