// The event service: one watch over the VM, its containers and its jobs, shared by all listeners.

import type { CallOptions } from '../adapter-ports.ts';
import { AppError } from '../app-error.ts';
import { withDeadline } from '../concurrency/deadline.ts';
import type { OnDemandEvent } from '../model/event.ts';
import type { Resumable } from '../model/resumable-stream.ts';
import { createEventFeed, type EventWithPosition, type FeedListener } from './feed.ts';
import { type EventTimings, type EventWatch, startEventWatch, type WatchedWorld } from './watch.ts';

export interface Events extends AsyncDisposable {
  /**
   * What happens from now on, or after `after` when that is among the last 1 000 events of this process; where something may be missing, a `resync` comes first.
   * Resolves once the watch is on, or cannot be for now. A listener 1 000 events behind gets a `resync` and continues from there.
   * With `follow` false it gives what is known now and ends: what came after `after`, or the VM's state and all events that are kept.
   * The iteration ends when the signal aborts and when the service is disposed; after that throws `SERVICE_UNAVAILABLE`.
   */
  watch(options?: WatchOptions): Promise<Resumable<EventWithPosition>>;
  /** Call after an action: polls the VM, or the jobs, now rather than at the next interval. */
  check(what: 'vm' | 'jobs'): void;
  /** Gives an event of the API's own to those who listen. */
  tell(event: OnDemandEvent): void;
}

export interface WatchOptions extends CallOptions {
  readonly after?: string | undefined;
  readonly follow?: boolean | undefined;
}

export interface EventsOptions extends WatchedWorld {
  /** So many hexadecimal digits, never the same twice. */
  readonly randomHex: (digits: number) => string;
  readonly timings?: Partial<EventTimings>;
}

const defaultTimings: EventTimings = {
  vmTransitionMs: 5000,
  vmStableMs: 60_000,
  jobsMs: 5000,
  runningJobsMs: 1000,
  minPauseMs: 500,
  maxPauseMs: 8000,
  readyMs: 2000,
  lingerMs: 300_000,
};
async function* startWith<Item>(
  first: Item,
  rest: AsyncIterable<Item>,
): AsyncGenerator<Item, void> {
  yield first;
  yield* rest;
}

const keptEvents = 1000;
const maxEndingMs = 2000;

/**
 * Builds the service. Watches nothing before the first listener, and for some minutes after the last one left, so that one who reconnects gets what it missed.
 *
 * @example
 * await using events = createEvents({ vm, engine, jobs, link, clock, randomHex });
 * for await (const { event } of await events.watch({ signal })) console.log(event.type, event.time);
 */
export function createEvents({ randomHex, timings: given, ...world }: EventsOptions): Events {
  const timings = { ...defaultTimings, ...given };
  const feed = createEventFeed({ capacity: keptEvents, clock: world.clock, randomHex });
  const listeners = new Set<FeedListener>();
  const endings = new Set<Promise<unknown>>();
  let watch: EventWatch | undefined;
  let ready: Promise<void> = Promise.resolve();
  let linger: NodeJS.Timeout | undefined;
  let disposed = false;

  return {
    async watch({ after, follow = true, signal } = {}) {
      if (disposed) {
        throw new AppError(
          'SERVICE_UNAVAILABLE',
          'This API shuts down; connect again in a moment',
          { text: 'API is shutting down', details: { reason: 'SHUTTING_DOWN' } },
        );
      }
      signal?.throwIfAborted();
      const listener = addListener(after, signal);
      await (watch === undefined || listeners.size === 1 ? begin() : ready.then(watch.join));
      signal?.throwIfAborted();
      if (!follow) return await toSnapshot(listener, after, signal);
      // This happened before anybody listened and was only noticed now.
      if (after === undefined) listener.skip();
      return listener;
    },
    check: (what) => watch?.check(what),
    tell(event) {
      if (watch !== undefined) feed.publish(event);
    },
    async [Symbol.asyncDispose]() {
      disposed = true;
      for (const listener of [...listeners]) listener.end();
      stop();
      await withDeadline(() => Promise.all(endings), {
        timeoutMs: maxEndingMs,
        onTimeout: () => new Error('The watch did not end in time'),
      }).catch(() => {});
    },
  };

  async function toSnapshot(
    listener: FeedListener,
    after: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Resumable<EventWithPosition>> {
    if (after === undefined) listener.rewind();
    listener.stopHere();
    if (after !== undefined) return listener;
    const { position = '' } = listener;
    const state = await world.vm.status({ signal }).catch((error: unknown) => {
      listener.end();
      throw error;
    });
    const event = {
      type: 'vm',
      time: world.clock.now().toISOString(),
      lifecycleState: state.lifecycleState,
      previous: null,
    } as const;
    return startWith({ event, position }, listener);
  }

  function addListener(after: string | undefined, signal: AbortSignal | undefined): FeedListener {
    const listener = feed.listen({
      after,
      onEnd() {
        signal?.removeEventListener('abort', listener.end);
        listeners.delete(listener);
        if (listeners.size === 0) linger = setTimeout(stop, timings.lingerMs);
      },
    });
    signal?.addEventListener('abort', listener.end, { once: true });
    listeners.add(listener);
    clearTimeout(linger);
    return listener;
  }

  function begin(): Promise<void> {
    watch ??= startEventWatch({
      ...world,
      publish: feed.publish,
      hasListeners: () => listeners.size > 0,
      timings,
    });
    ready = watch.begin();
    return ready;
  }

  function stop(): void {
    clearTimeout(linger);
    const ending = watch?.stop();
    if (ending === undefined) return;
    watch = undefined;
    feed.forget();
    endings.add(ending);
    ending.finally(() => endings.delete(ending));
  }
}
