// Request coalescing: concurrent readers of a key share one upstream call; under load its fresh answer is reused as well.

import { AppError } from '../errors.ts';
import type { CallOptions } from '../ports.ts';
import { withDeadline } from './deadline.ts';

/**
 * For how long after its start a read may serve later readers.
 * A change is answered this much after it took effect (`untilVisible`): by then every process's older answers have expired.
 */
export const freshMs = 200;

export interface SingleFlightOptions {
  /** A read is stopped after this long; its readers get `SERVICE_UNAVAILABLE`. */
  readonly deadlineMs: number;
  /** A call older than this takes no new readers; they start the next one. May be long for data that never changes. */
  readonly maxAgeMs?: number;
  /** Milliseconds that never go back. */
  readonly nowMs?: () => number;
}

export interface SingleFlightReadOptions extends CallOptions {
  /** Under load the answer also serves later readers until it is `maxAgeMs` old. For small answers. */
  readonly keep?: boolean;
}

export interface SingleFlight {
  /**
   * Joins the read of `key` under way, or starts `work`. A key stands for one kind of `work` with one set of arguments, and is fit for a message (`the logs of nginx`).
   * With `keep`, from the fifth reader within `maxAgeMs` on, readers also get the latest answer; a lone reader never does.
   * A reader's abort rejects that reader alone, with its signal's reason; the last one to leave aborts the signal that `work` got.
   * Rejects with what `work` rejected with, or `SERVICE_UNAVAILABLE` at the deadline.
   */
  read<T>(
    key: string,
    work: (signal: AbortSignal) => Promise<T>,
    options?: SingleFlightReadOptions,
  ): Promise<T>;
  /** Call when an action has ended, whatever its outcome: later reads get no older answer. Calls in flight still answer their own readers. */
  invalidate(): void;
}

const keepThreshold = 5;

interface InFlight {
  readonly startedMs: number;
  readonly answer: Promise<unknown>;
  readonly abandon: (reason: unknown) => void;
  readers: number;
  isSettled: boolean;
}

interface Entry {
  /** When the last few readers came. */
  readonly visitsMs: number[];
  inFlight?: InFlight | undefined;
}

/**
 * Builds a coalescer; one per service.
 *
 * @example
 * const reads = createSingleFlight({ deadlineMs: 15_000 });
 * const list = (signal?: AbortSignal) => reads.read('the containers', (shared) => engine.list({ signal: shared }), { signal });
 */
export function createSingleFlight({
  deadlineMs,
  maxAgeMs = freshMs,
  nowMs = () => performance.now(),
}: SingleFlightOptions): SingleFlight {
  const entries = new Map<string, Entry>();

  return {
    read<T>(
      key: string,
      work: (signal: AbortSignal) => Promise<T>,
      { signal, keep = false }: SingleFlightReadOptions = {},
    ): Promise<T> {
      if (signal?.aborted) return Promise.reject(signal.reason);
      const entry = visit(key);
      const inFlight = usable(entry, keep) ?? start(key, entry, work);
      // One key is always read by one kind of work, so the shared answer is this reader's type.
      return join(inFlight, entry, signal) as Promise<T>;
    },
    invalidate() {
      for (const entry of entries.values()) entry.inFlight = undefined;
    },
  };

  function visit(key: string): Entry {
    const entry = entries.get(key) ?? { visitsMs: [] };
    entries.set(key, entry);
    entry.visitsMs.push(nowMs());
    if (entry.visitsMs.length > keepThreshold) entry.visitsMs.shift();
    return entry;
  }

  function usable({ inFlight, visitsMs }: Entry, keep: boolean): InFlight | undefined {
    if (inFlight === undefined || nowMs() - inFlight.startedMs >= maxAgeMs) return undefined;
    if (!inFlight.isSettled) return inFlight;
    const [earliestMs = 0] = visitsMs;
    const isBusy = visitsMs.length === keepThreshold && nowMs() - earliestMs < maxAgeMs;
    return keep && isBusy ? inFlight : undefined;
  }

  function start(
    key: string,
    entry: Entry,
    work: (signal: AbortSignal) => Promise<unknown>,
  ): InFlight {
    const controller = new AbortController();
    const answer = withDeadline(work, {
      timeoutMs: deadlineMs,
      signal: controller.signal,
      onTimeout: () =>
        new AppError(
          'SERVICE_UNAVAILABLE',
          `Reading ${key} was given up after ${deadlineMs / 1000} s without an answer; try again`,
          { text: 'No answer in time' },
        ),
    });
    const inFlight: InFlight = {
      startedMs: nowMs(),
      answer,
      abandon: (reason) => controller.abort(reason),
      readers: 0,
      isSettled: false,
    };
    entry.inFlight = inFlight;
    answer.then(
      () => {
        inFlight.isSettled = true;
        const leftMs = Math.max(0, inFlight.startedMs + maxAgeMs - nowMs());
        setTimeout(() => expire(key, entry, inFlight), Math.min(leftMs, freshMs)).unref();
      },
      () => expire(key, entry, inFlight),
    );
    return inFlight;
  }

  function join(inFlight: InFlight, entry: Entry, signal?: AbortSignal): Promise<unknown> {
    if (inFlight.isSettled) return inFlight.answer;
    inFlight.readers += 1;
    return new Promise((resolve, reject) => {
      const leave = () => {
        inFlight.readers -= 1;
        reject(signal?.reason);
        if (inFlight.readers > 0) return;
        if (entry.inFlight === inFlight) entry.inFlight = undefined;
        inFlight.abandon(signal?.reason);
      };
      signal?.addEventListener('abort', leave, { once: true });
      const stay = () => signal?.removeEventListener('abort', leave);
      inFlight.answer.then(resolve, reject).finally(stay);
    });
  }

  /** Drops an answer once it may not be reused, and a key once nobody reads it. */
  function expire(key: string, entry: Entry, inFlight: InFlight): void {
    if (entry.inFlight === inFlight) entry.inFlight = undefined;
    if (entry.inFlight !== undefined || entries.get(key) !== entry) return;
    const idleMs = nowMs() - (entry.visitsMs.at(-1) ?? 0);
    if (idleMs >= maxAgeMs) entries.delete(key);
    else setTimeout(() => expire(key, entry, inFlight), Math.min(maxAgeMs, freshMs)).unref();
  }
}
