// Watches the containers through Docker's event stream while the VM runs, and reopens it after each connection loss.

import type { Clock, Engine, EngineEvent } from '../adapter-ports.ts';
import { isAppError } from '../app-error.ts';
import { createWakeableSleep } from '../concurrency/wakeable-sleep.ts';
import type { OnDemandEvent } from '../model/event.ts';
import type { LogTime } from '../model/log-line.ts';
import { toContainerEvent } from './to-container-event.ts';

/** `keep` leaves open what is open, and opens nothing. */
export type StreamRequest = 'open' | 'keep' | 'close';

export interface ContainersWatchOptions {
  readonly engine: Pick<Engine, 'events'>;
  readonly clock: Clock;
  readonly publish: (event: OnDemandEvent) => void;
  readonly onOpen: () => void;
  /** Called when a stream that was open has ended; what it gives is waited for before the next attempt. */
  readonly onCut: () => Promise<void>;
  readonly minPauseMs: number;
  readonly maxPauseMs: number;
  readonly signal: AbortSignal;
}

export interface ContainersWatch {
  request(request: StreamRequest): void;
  /** Resolves once the stream is open, or cannot be opened for now; never rejects. */
  settled(): Promise<void>;
  /** From now on the stream has listeners: each opening publishes a `resync`. */
  rely(): void;
  /** Resolves once the signal has aborted and the stream is closed; never rejects. */
  readonly done: Promise<void>;
}

/** Opens nothing before it is requested. */
export function watchContainers({
  engine,
  clock,
  publish,
  onOpen,
  onCut,
  minPauseMs,
  maxPauseMs,
  signal,
}: ContainersWatchOptions): ContainersWatch {
  const memory = createMemory();
  let requested: StreamRequest = 'keep';
  let phase: 'closed' | 'opening' | 'open' = 'closed';
  let isRelied = false;
  let wasOpen = false;
  let closeStream = () => {};
  /** Woken early when the stream is requested again. */
  const sleep = createWakeableSleep(signal);
  let waiting: (() => void)[] = [];

  const enter = (next: 'closed' | 'open') => {
    phase = next;
    for (const resolve of waiting) resolve();
    waiting = [];
  };

  return {
    request(next) {
      const isNew = next !== requested;
      requested = next;
      if (next === 'close') closeStream();
      if (next !== 'open' || !isNew || phase !== 'closed') return;
      phase = 'opening';
      sleep.wake();
    },
    settled: () =>
      new Promise((resolve) => {
        if (phase === 'opening' && !signal.aborted) waiting.push(resolve);
        else resolve();
      }),
    rely() {
      isRelied = true;
    },
    done: run(),
  };

  async function run(): Promise<void> {
    let pauseMs = minPauseMs;
    while (!signal.aborted) {
      if (requested !== 'open') {
        enter('closed');
        await sleep.start(undefined);
        pauseMs = minPauseMs;
        continue;
      }
      const { openMs, retryAfterMs } = await attempt();
      enter('closed');
      if (openMs !== undefined) await onCut().catch(() => {});
      // A stream that is cut again and again at once is not worth more than one that does not open.
      pauseMs = openMs !== undefined && openMs > maxPauseMs ? minPauseMs : pauseMs;
      if (requested === 'open' && phase === 'closed')
        await sleep.start(Math.max(pauseMs, retryAfterMs));
      pauseMs = Math.min(pauseMs * 2, maxPauseMs);
    }
    enter('closed');
  }

  /** One stream from its opening to its end, however it ends. */
  async function attempt(): Promise<{ openMs: number | undefined; retryAfterMs: number }> {
    const closing = new AbortController();
    closeStream = () => closing.abort(new Error('The event stream is not wanted any more'));
    signal.addEventListener('abort', closeStream, { once: true });
    const timer = setTimeout(closeStream, maxOpeningMs);
    let openedAtMs: number | undefined;
    let retryAfterMs = 0;
    try {
      phase = 'opening';
      const events = await engine.events({ since: memory.last, signal: closing.signal });
      clearTimeout(timer);
      closing.signal.throwIfAborted();
      openedAtMs = performance.now();
      announce();
      enter('open');
      for await (const event of events) take(event);
    } catch (error) {
      retryAfterMs = toRetryAfterMs(error);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', closeStream);
      closeStream = () => {};
    }
    return {
      openMs: openedAtMs === undefined ? undefined : performance.now() - openedAtMs,
      retryAfterMs,
    };
  }

  function announce(): void {
    if (isRelied) {
      const reason = wasOpen
        ? 'The connection to Docker was lost; what happened to containers meanwhile may be missing'
        : 'Docker was out of reach until now; what happened to containers before is missing';
      publish({ type: 'resync', time: clock.now().toISOString(), reason });
    }
    wasOpen = true;
    onOpen();
  }

  function take(event: EngineEvent): void {
    if (!memory.isNew(event)) return;
    const told = toContainerEvent(event);
    if (told !== undefined) publish(told);
  }
}

/** Longer than an SSH connection and its login may take. */
const maxOpeningMs = 60_000;
const maxRetryAfterMs = 300_000;

function toRetryAfterMs(error: unknown): number {
  const seconds = isAppError(error) ? error.details.retryAfterSeconds : undefined;
  return typeof seconds === 'number' && seconds > 0 ? Math.min(seconds * 1000, maxRetryAfterMs) : 0;
}

/** Where the stream was, so that the next one begins there and gives nothing twice. */
function createMemory() {
  let last: LogTime | undefined;
  /** What came with that very time. */
  let given = new Set<string>();

  return {
    get last() {
      return last;
    },
    isNew({ at, containerId, action }: EngineEvent): boolean {
      const key = `${containerId} ${action}`;
      const order = last === undefined ? 1 : at.seconds - last.seconds || at.nanos - last.nanos;
      if (order > 0) {
        last = at;
        given = new Set();
      }
      if (order >= 0 && given.has(key)) return false;
      if (order >= 0) given.add(key);
      return true;
    },
  };
}
