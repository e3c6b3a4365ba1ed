// Many readers at once cost one upstream call: a single flight per thing that is read, never a cache.

import { pause, withDeadline } from './deadline.ts';
import { AppError } from './errors.ts';
import type { CallOptions, Clock } from './ports.ts';

export interface SharedReadsOptions {
  readonly clock: Clock;
  /** A flight older than this takes no new readers; they start the next one. */
  readonly maxAgeMs?: number;
  /** A flight is stopped after this long; its readers get `SERVICE_UNAVAILABLE`. */
  readonly deadlineMs: number;
}

export interface SharedReads {
  /**
   * Joins the read of `key` under way, or starts `work`. A key stands for one kind of `work` with one set of arguments, and is fit for a message (`the logs of nginx`).
   * A reader's abort rejects that reader alone, with its signal's reason; the last one to leave aborts the signal that `work` got.
   * Rejects with what `work` rejected with, or `SERVICE_UNAVAILABLE` at the deadline. Nothing is kept once it has been answered.
   */
  read<T>(
    key: string,
    work: (signal: AbortSignal) => Promise<T>,
    options?: CallOptions,
  ): Promise<T>;
  /** Call when an action has ended, whatever its outcome: reads from now on join no flight that began before. Those under way still answer their own readers. */
  invalidate(): void;
}

/** As many readers of one flight are a crowd; its next flight waits 10 ms for each of them, at most a quarter of a second. */
const crowdReaders = 5;
const gatherMsAReader = 10;
const maxGatherMs = 250;

interface Flight {
  /** Empty while it gathers readers. */
  readonly departure: { atMs?: number };
  readonly answer: Promise<unknown>;
  readonly abandon: (reason: unknown) => void;
  readers: number;
}

/**
 * Builds a set of shared reads; one per service.
 *
 * @example
 * const reads = createSharedReads({ clock: { now: () => new Date() }, deadlineMs: 15_000 });
 * const list = (signal?: AbortSignal) => reads.read('the containers', (flight) => engine.list({ signal: flight }), { signal });
 */
export function createSharedReads({
  clock,
  maxAgeMs = 2000,
  deadlineMs,
}: SharedReadsOptions): SharedReads {
  const flights = new Map<string, Flight>();
  /** How many readers the last flight had, where that was a crowd and has just landed. */
  const crowds = new Map<string, number>();

  return {
    read<T>(
      key: string,
      work: (signal: AbortSignal) => Promise<T>,
      { signal }: CallOptions = {},
    ): Promise<T> {
      if (signal?.aborted) return Promise.reject(signal.reason);
      const flight = joinable(key) ?? launch(key, work);
      // One key is always read by one kind of work, so the flight's answer is this reader's type.
      return joinFlight(key, flight, signal) as Promise<T>;
    },
    invalidate() {
      flights.clear();
    },
  };

  function joinable(key: string): Flight | undefined {
    const flight = flights.get(key);
    if (flight === undefined) return undefined;
    const { atMs } = flight.departure;
    if (atMs === undefined) return flight;
    const ageMs = clock.now().getTime() - atMs;
    // A negative age means that the clock was set back: its true age is unknown.
    return ageMs >= 0 && ageMs < maxAgeMs ? flight : undefined;
  }

  function launch(key: string, work: (signal: AbortSignal) => Promise<unknown>): Flight {
    const controller = new AbortController();
    const departure: Flight['departure'] = {};
    // A crowd comes over some time, not in one moment: the next flight waits for more of it. A few readers never wait.
    const gatherMs = Math.min(maxGatherMs, (crowds.get(key) ?? 0) * gatherMsAReader);
    const depart = async (signal: AbortSignal) => {
      if (gatherMs > 0) await pause(gatherMs, signal);
      departure.atMs = clock.now().getTime();
      return work(signal);
    };
    const answer = withDeadline(depart, {
      timeoutMs: deadlineMs,
      signal: controller.signal,
      onTimeout: () =>
        new AppError(
          'SERVICE_UNAVAILABLE',
          `Reading ${key} was given up after ${deadlineMs / 1000} s without an answer; try again`,
        ),
    });
    const flight: Flight = {
      departure,
      answer,
      abandon: (reason) => controller.abort(reason),
      readers: 0,
    };
    flights.set(key, flight);
    const land = () => forget(key, flight);
    answer.then(land, land);
    answer.then(
      () => expectCrowd(key, flight.readers),
      () => {},
    );
    return flight;
  }

  function expectCrowd(key: string, readers: number): void {
    if (readers < crowdReaders) return;
    crowds.set(key, readers);
    setTimeout(() => crowds.delete(key), maxGatherMs).unref();
  }

  function joinFlight(key: string, flight: Flight, signal?: AbortSignal): Promise<unknown> {
    flight.readers += 1;
    return new Promise((resolve, reject) => {
      const leave = () => {
        flight.readers -= 1;
        reject(signal?.reason);
        if (flight.readers > 0) return;
        forget(key, flight);
        flight.abandon(signal?.reason);
      };
      signal?.addEventListener('abort', leave, { once: true });
      const stay = () => signal?.removeEventListener('abort', leave);
      flight.answer.then(resolve, reject).finally(stay);
    });
  }

  function forget(key: string, flight: Flight): void {
    if (flights.get(key) === flight) flights.delete(key);
  }
}
