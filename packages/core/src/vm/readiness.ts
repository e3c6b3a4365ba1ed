// The readiness of the VM, in stages: OCI, SSH, Docker. One poll upstream, however many ask or watch.

import type { CallOptions, Clock, Link, ReadOptions } from '../adapter-ports.ts';
import { AppError, isAppError } from '../app-error.ts';
import { toAbortableIterator } from '../concurrency/abortable-iterator.ts';
import { withDeadline } from '../concurrency/deadline.ts';
import { type PollLoop, startPollLoop } from '../concurrency/poll-loop.ts';
import { createSingleFlight } from '../concurrency/single-flight.ts';
import { createWakeableSleep } from '../concurrency/wakeable-sleep.ts';
import { type OnInternalError, reportInternal, toReason } from '../internal-error.ts';
import { offInsideMs } from '../model/defaults-limits-timeouts.ts';
import { endsInHalt, isDeadEnd, toPhase, type VmReady } from '../model/ready.ts';
import { type LifecycleState, vmId } from '../model/vm.ts';
import type { Vm } from './vm.ts';

export interface Readiness extends AsyncDisposable {
  /** As it is now, whatever fails or does not answer; throws only what the caller's own signal aborts with. */
  check(options?: ReadOptions): Promise<VmReady>;
  /**
   * What is now, then each change. Ends once the VM is ready or only becomes so if somebody acts; with `follow` it goes on after that, until the signal aborts.
   * Those who watch share one poll.
   */
  watch(
    options?: { readonly follow?: boolean | undefined } & CallOptions,
  ): Promise<AsyncIterable<VmReady>>;
  /** Call after a power action, and where somebody else may have sent one: what was known of the VM's boot and console counts no longer. */
  acted(): void;
  /** What a wake that is under way waits for; undefined once it is over. */
  noteWake(wake: WakeNote | undefined): void;
}

export interface WakeNote {
  readonly nextStart?: VmReady['nextStart'];
}

export interface ReadinessOptions {
  readonly vm: Pick<Vm, 'status'>;
  readonly link: Pick<Link, 'connected'>;
  /** Lets the next use of the link dial at once. */
  readonly hurry: () => void;
  /** Connects where need be. */
  readonly readVersion: (options: CallOptions) => Promise<string>;
  readonly readConsole: (options: CallOptions) => Promise<{ readonly logs: string }>;
  readonly clock: Clock;
  readonly onInternalError?: OnInternalError;
  readonly timings?: Partial<ReadinessTimings>;
}

export interface ReadinessTimings {
  /** Between polls while it is on its way. */
  readonly pollMs: number;
  /** Between polls of what has not changed for long: for `slowAfterMs`, or `slowAtRestMs` where it is ready or asleep. */
  readonly slowPollMs: number;
  readonly slowAfterMs: number;
  readonly slowAtRestMs: number;
  /** Between two captures of the serial console. */
  readonly consoleMs: number;
  readonly dockerDeadlineMs: number;
}

const defaultTimings: ReadinessTimings = {
  pollMs: 750,
  slowPollMs: 4000,
  slowAfterMs: 5 * 60_000,
  slowAtRestMs: 60_000,
  consoleMs: 10 * 60_000,
  dockerDeadlineMs: 20_000,
};

interface Reading {
  readonly ready: VmReady;
  readonly isDeadEnd: boolean;
}

/** Builds the service; it polls only while somebody watches. */
export function createReadiness({
  vm,
  link,
  hurry,
  readVersion,
  readConsole,
  clock,
  onInternalError = () => {},
  timings: given,
}: ReadinessOptions): Readiness {
  const timings = { ...defaultTimings, ...given };
  const reads = createSingleFlight({ deadlineMs: 60_000 }); // longer than OCI and then Docker may take
  const closing = new AbortController();
  const listeners = new Set<(reading: Reading) => void>();
  let loop: { readonly poll: PollLoop; readonly stop: () => void } | undefined;
  let wake: WakeNote | undefined;
  /** By the monotonic clock. */
  let offSeenMs: number | undefined;
  let goneSinceMs: number | undefined;
  let consoleReadMs: number | undefined;
  let hasHalted = false;
  /** When the phase was last seen to change, or something was done that may change it. */
  let changedMs = 0;

  return {
    async check(caller = {}) {
      return (await read(caller)).ready;
    },
    async watch({ follow = false, signal } = {}) {
      const leaving = new AbortController();
      const left = AbortSignal.any([leaving.signal, closing.signal, ...(signal ? [signal] : [])]);
      return toAbortableIterator(listen(follow, left), leaving);
    },
    acted() {
      offSeenMs = clock.elapsedMs();
      changedMs = offSeenMs;
      forgetLoss();
      void loop?.poll.call();
    },
    noteWake(note) {
      wake = note;
      void loop?.poll.call();
    },
    async [Symbol.asyncDispose]() {
      closing.abort();
      await loop?.poll.done;
    },
  };

  function read(caller: ReadOptions): Promise<Reading> {
    return reads.read(`whether ${vmId} is ready`, observe, caller);
  }

  async function observe(signal: AbortSignal): Promise<Reading> {
    const checkedAt = clock.now().toISOString();
    // One that is off must not be dialled; one that is connected need not be waited for.
    const early = link.connected ? askDocker(signal) : undefined;
    early?.catch(() => {}); // it fails as what comes before it does
    const power = await askPower(signal);
    const { lifecycleState } = power;
    const mayAnswer = lifecycleState === undefined || mayRun.has(lifecycleState);
    const found = await (early ?? (mayAnswer ? askDocker(signal) : undefined));
    const isConnected = mayAnswer && found?.isConnected === true;
    const isDockerUp = isConnected && found?.version !== undefined;
    note({ lifecycleState, mayAnswer, isConnected, isDockerUp });
    const nowMs = clock.elapsedMs();
    const isRefused = found?.isRefused === true;
    const phase = toPhase({
      lifecycleState,
      isConnected,
      isDockerUp,
      isRefused,
      isWaking: wake !== undefined,
      bootingMs: offSeenMs === undefined ? undefined : nowMs - offSeenMs,
      goneMs: goneSinceMs === undefined ? 0 : nowMs - goneSinceMs,
      hasHalted,
    });
    const isOff = `${vmId} is ${lifecycleState}`;
    const ready: VmReady = {
      ready: phase === 'on' && isDockerUp,
      phase,
      vm: power,
      ssh: isConnected ? { ok: true } : { ok: false, reason: mayAnswer ? found?.reason : isOff },
      docker: isDockerUp
        ? { ok: true, version: found?.version }
        : { ok: false, reason: isConnected ? found?.reason : 'not asked, as SSH does not answer' },
      ...(wake?.nextStart !== undefined && { nextStart: wake.nextStart }),
      checkedAt,
    };
    return { ready, isDeadEnd: isDeadEnd({ ...ready, isRefused }) };
  }

  async function askPower(signal: AbortSignal): Promise<VmReady['vm']> {
    try {
      const { lifecycleState } = await vm.status({ address: false, signal });
      return { lifecycleState };
    } catch (error) {
      signal.throwIfAborted();
      return { reason: toReason(error, onInternalError) };
    }
  }

  async function askDocker(signal: AbortSignal) {
    hurry();
    try {
      const version = await withDeadline((inner) => readVersion({ signal: inner }), {
        timeoutMs: timings.dockerDeadlineMs,
        signal,
        onTimeout: () =>
          new AppError('SERVICE_UNAVAILABLE', 'neither SSH nor Docker answered in time', {
            text: 'No answer in time',
            details: { reason: 'TIMEOUT' },
          }),
      });
      return { isConnected: true, version, isRefused: false };
    } catch (error) {
      signal.throwIfAborted();
      // A connection that is not known to be lost yet may still lead nowhere.
      const isSshFailure = isAppError(error) && error.text === 'VM not reachable via SSH';
      const isConnected = link.connected && !isSshFailure;
      return {
        isConnected,
        isRefused: isAppError(error) && hostKeyReason.test(String(error.details.reason)),
        reason: toReason(error, onInternalError),
      };
    }
  }

  function note({ lifecycleState, mayAnswer, isConnected, isDockerUp }: Seen): void {
    const nowMs = clock.elapsedMs();
    if (lifecycleState !== undefined && !mayAnswer) offSeenMs = nowMs;
    if (isDockerUp) offSeenMs = undefined;
    if (isConnected || !mayAnswer) {
      forgetLoss();
      return;
    }
    goneSinceMs ??= nowMs;
    const isDue = consoleReadMs === undefined || nowMs - consoleReadMs >= timings.consoleMs;
    if (lifecycleState !== 'RUNNING' || nowMs - goneSinceMs < offInsideMs || !isDue) return;
    consoleReadMs = nowMs;
    const goneBefore = goneSinceMs;
    // In its own time: a capture takes longer than anybody should wait for this answer.
    readConsole({ signal: closing.signal }).then(
      ({ logs }) => {
        if (goneSinceMs !== goneBefore) return;
        hasHalted = endsInHalt(logs);
        void loop?.poll.call();
      },
      (error: unknown) => {
        // It stays what it seems to be.
        if (!closing.signal.aborted) reportInternal(error, onInternalError);
      },
    );
  }

  function forgetLoss(): void {
    goneSinceMs = undefined;
    consoleReadMs = undefined;
    hasHalted = false;
  }

  async function* listen(
    follow: boolean,
    signal: AbortSignal,
  ): AsyncGenerator<VmReady, void, void> {
    const queue: Reading[] = [];
    const sleep = createWakeableSleep(signal);
    let last: string | undefined;
    const take = (reading: Reading) => {
      const text = JSON.stringify({ ...reading.ready, checkedAt: '' });
      if (text === last) return;
      last = text;
      if (queue.push(reading) > maxQueued) queue.shift();
      sleep.wake();
    };
    listeners.add(take);
    try {
      void start().call();
      while (!signal.aborted) {
        const reading = queue.shift();
        if (reading === undefined) {
          await sleep.start(undefined);
          continue;
        }
        yield reading.ready;
        if (!follow && (reading.ready.ready || reading.isDeadEnd)) return;
      }
    } finally {
      listeners.delete(take);
      if (listeners.size === 0) loop?.stop();
    }
  }

  function start(): PollLoop {
    if (loop !== undefined) return loop.poll;
    const stopping = new AbortController();
    const signal = AbortSignal.any([stopping.signal, closing.signal]);
    let last = '';
    changedMs = clock.elapsedMs();
    const poll = startPollLoop({
      minIntervalMs: Math.min(200, timings.pollMs),
      signal,
      async poll() {
        const reading = await read({ signal }).catch((error: unknown) => {
          if (!signal.aborted) reportInternal(error, onInternalError);
        });
        if (reading === undefined) return timings.slowPollMs;
        for (const take of [...listeners]) take(reading);
        const { ready, phase } = reading.ready;
        const nowMs = clock.elapsedMs();
        if (phase !== last) changedMs = nowMs;
        last = phase;
        const isAtRest = ready || phase === 'asleep';
        const isSlow = nowMs - changedMs > (isAtRest ? timings.slowAtRestMs : timings.slowAfterMs);
        return isSlow ? timings.slowPollMs : timings.pollMs;
      },
    });
    loop = {
      poll,
      stop() {
        loop = undefined;
        stopping.abort();
      },
    };
    return poll;
  }
}

interface Seen {
  readonly lifecycleState: LifecycleState | undefined;
  readonly mayAnswer: boolean;
  readonly isConnected: boolean;
  readonly isDockerUp: boolean;
}

/** In which SSH may answer. */
const mayRun: ReadonlySet<LifecycleState> = new Set(['RUNNING', 'MOVING', 'CREATING_IMAGE']);

/** Nothing but a person changes these. */
const hostKeyReason = /^(?:HOST_KEY_|KNOWN_HOSTS_UNREADABLE)/;

/** So many changes that a reader has not taken yet. */
const maxQueued = 100;
