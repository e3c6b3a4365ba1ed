// A VM, a Docker and its jobs in memory, as the watch over them sees them.

import type { EngineEvent, EngineEventsOptions } from '../adapter-ports.ts';
import { AppError } from '../app-error.ts';
import { systemClock } from '../concurrency/clock.ts';
import { createEvents, type Events } from '../events/events.ts';
import type { EventWithPosition } from '../events/feed.ts';
import type { EventTimings } from '../events/watch.ts';
import type { Job } from '../model/job.ts';
import type { LifecycleState } from '../model/vm.ts';

/** Longer than any test. */
export const neverMs = 3_600_000;

export interface FakeWorld {
  state: LifecycleState;
  /** What OCI does instead of answering. */
  oci: (signal: AbortSignal | undefined) => Promise<void>;
  ociReads: number;
  connected: boolean;
  /** What Docker does before it answers. */
  docker: (signal: AbortSignal | undefined) => Promise<void>;
  /** `since` of each request for events, in order. */
  readonly opened: (string | undefined)[];
  /** Streams that are open now. */
  readonly streams: ReadonlySet<unknown>;
  /** What a new stream begins with. */
  backlog: EngineEvent[];
  tell(...events: EngineEvent[]): void;
  /** Ends all streams; with an error unless it is told to end them well. */
  cut(how?: 'lost' | 'ended'): void;
  jobs: Job[];
  jobLists: number;
  listJobs: () => Promise<void>;
}

export const quick: EventTimings = {
  vmTransitionMs: 5,
  vmStableMs: 30,
  jobsMs: 5,
  runningJobsMs: 5,
  minPauseMs: 5,
  maxPauseMs: 20,
  readyMs: 300,
  lingerMs: 10_000,
};

/** The service over a world where the VM runs, Docker answers and there are no jobs. */
export function startWatchWorld({
  timings = {},
  ...given
}: { timings?: Partial<EventTimings> } & Partial<FakeWorld> = {}): {
  readonly events: Events;
  readonly world: FakeWorld;
} {
  const streams = new Set<Stream>();
  const opened: (string | undefined)[] = [];
  let epochs = 0;
  const world: FakeWorld = {
    state: 'RUNNING',
    oci: async () => {},
    ociReads: 0,
    connected: true,
    docker: async () => {},
    opened,
    streams,
    backlog: [],
    tell(...events) {
      for (const stream of streams) stream.tell(events);
    },
    cut(how = 'lost') {
      for (const stream of [...streams]) {
        stream.end(how === 'lost' ? new AppError('SERVICE_UNAVAILABLE', 'It was cut') : undefined);
      }
    },
    jobs: [],
    jobLists: 0,
    listJobs: async () => {},
    ...given,
  };
  const events = createEvents({
    vm: {
      async status({ signal } = {}) {
        world.ociReads += 1;
        await world.oci(signal);
        const lastCheck = new Date().toISOString();
        return { vmId: 'oci-flex', lifecycleState: world.state, displayName: 'vm', lastCheck };
      },
    },
    engine: {
      async events({ since, signal }: EngineEventsOptions) {
        opened.push(since && `${since.seconds}.${since.nanos}`);
        await world.docker(signal);
        signal?.throwIfAborted();
        const stream = createStream(() => streams.delete(stream));
        streams.add(stream);
        stream.tell(world.backlog);
        signal?.addEventListener('abort', () => stream.end(signal.reason), { once: true });
        return stream;
      },
    },
    jobs: {
      async list() {
        world.jobLists += 1;
        await world.listJobs();
        return world.jobs;
      },
    },
    link: {
      get connected() {
        return world.connected;
      },
      drop() {},
    },
    clock: systemClock,
    randomHex(digits) {
      epochs += 1;
      return String(epochs).padStart(digits, '0');
    },
    timings: { ...quick, ...timings },
  });
  return { events, world };
}

interface Stream extends AsyncIterable<EngineEvent> {
  tell(events: readonly EngineEvent[]): void;
  end(error?: unknown): void;
}

function createStream(onEnd: () => void): Stream {
  const queue: EngineEvent[] = [];
  let over: { readonly error: unknown } | undefined;
  let wake = () => {};
  return {
    tell(events) {
      queue.push(...events);
      wake();
    },
    end(error) {
      over ??= { error };
      onEnd();
      wake();
    },
    async *[Symbol.asyncIterator]() {
      for (;;) {
        const next = queue.shift();
        if (next !== undefined) {
          yield next;
        } else if (over !== undefined) {
          if (over.error !== undefined) throw over.error;
          return;
        } else {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
    },
  };
}

/** An event of Docker at a second of its own. */
export function dockerEvent(name: string, second: number, action = 'start'): EngineEvent {
  return {
    at: { seconds: second, nanos: 7 },
    containerId: `id-${name}`,
    action,
    attributes: { name, image: 'busybox' },
  };
}

export function job(id: string, state: Job['state'] = 'running'): Job {
  const startedAt = '2026-02-08T10:00:00.000Z';
  return {
    id,
    kind: 'rebuild',
    target: 'web',
    state,
    startedAt,
    finishedAt: state === 'running' ? null : startedAt,
    exitCode: state === 'succeeded' ? 0 : null,
    output: '',
  };
}

export interface Reader {
  /** In a word each: `vm RUNNING→STOPPED`, `container web start`, `job 1 running`, `resync`. */
  readonly seen: string[];
  readonly received: EventWithPosition[];
  readonly ended: Promise<void>;
}

/** Reads all that comes, until it ends. */
export function read(items: AsyncIterable<EventWithPosition>): Reader {
  const received: EventWithPosition[] = [];
  const seen: string[] = [];
  const run = async () => {
    for await (const item of items) {
      received.push(item);
      seen.push(inWords(item));
    }
  };
  return { seen, received, ended: run() };
}

function inWords({ event }: EventWithPosition): string {
  if (event.type === 'vm') return `vm ${event.previous}→${event.lifecycleState}`;
  if (event.type === 'container') return `container ${event.name} ${event.action}`;
  if (event.type === 'job') return `job ${event.id} ${event.state}`;
  return 'resync';
}

/** Long enough for what must not happen to have happened. */
export const settle = () => new Promise<void>((resolve) => setTimeout(resolve, 60));

/** Never answers, but leaves when it is told to. */
export function hang(signal: AbortSignal | undefined): Promise<void> {
  return new Promise((_resolve, reject) => {
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
