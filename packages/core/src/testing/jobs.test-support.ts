// The service of jobs over a host in memory, whose jobs print, end and fail as a test says.

import type {
  EngineContainer,
  EnvironmentWords,
  JobHost,
  JobRecord,
  JobRequest,
} from '../adapter-ports.ts';
import { AppError } from '../app-error.ts';
import { createJobs, type JobsOptions } from '../jobs/jobs.ts';
import type { JobState } from '../model/job.ts';
import type { LifecycleState } from '../model/vm.ts';

/** Of the first job that is started. */
export const id = '20260208T101531Z-3f9a1c2b';

export const web: EngineContainer = {
  id: 'c0ffee',
  name: 'web',
  state: 'running',
  image: 'web',
  ports: '',
  uptime: 'Up 1 second',
  labels: {},
};

/** What the host throws when its connection is lost. */
export const lost = new AppError('SERVICE_UNAVAILABLE', 'connection lost', {
  details: { reason: 'CONNECTION_LOST' },
});

interface SetUp extends Partial<JobsOptions> {
  readonly connected?: boolean;
  readonly state?: LifecycleState;
}

/** The VM runs and is connected to, and there are no jobs, unless told otherwise. */
export function setUp({ connected = true, state = 'RUNNING', ...options }: SetUp = {}) {
  const fake = createFakeHost();
  const vm = { state };
  const link = { connected, drop: () => {} };
  let changes = 0;
  let nowMs = Date.parse('2026-02-08T10:15:31.789Z');
  const jobs = createJobs({
    host: fake.host,
    planRebuild: async () => ({ argv: ['make'], env: { A: 'b' }, lock: 'rebuild-home' }),
    compute: {
      getInstance: async () => ({ lifecycleState: vm.state, displayName: 'vm', etag: 'e' }),
      getPublicIp: async () => undefined,
      act: async () => {},
    },
    link,
    clock: { now: () => new Date(nowMs), elapsedMs: () => nowMs },
    randomHex: (digits) => '3f9a1c2b'.slice(0, digits),
    onChange: () => {
      changes += 1;
    },
    ...options,
  });
  return {
    ...fake,
    service: jobs,
    vm,
    link,
    changes: () => changes,
    pass(ms: number) {
      nowMs += ms;
    },
  };
}

/** All that comes, until it ends. */
export async function readAll(
  output: AsyncIterable<{ readonly text: string; readonly position: string }>,
) {
  const events: { text: string; position: string }[] = [];
  for await (const { text, position } of output) events.push({ text, position });
  return { events, text: events.map(({ text }) => text).join('') };
}

interface FakeJob {
  log: Uint8Array;
  state: JobState;
  exitCode: number | null;
  target: string;
  startedAt: string;
  secrets?: EnvironmentWords | undefined;
}

/** Words of a container from before all jobs. */
export const toWords = (...words: string[]): EnvironmentWords => ({
  createdAt: '2026-02-01T00:00:00Z',
  words,
});

function createFakeHost() {
  const jobs = new Map<string, FakeJob>();
  const started: JobRequest[] = [];
  const calls = {
    cancel: 0,
    list: 0,
    read: 0,
    watched: new Set<string>(),
    failed: new Set<string>(),
  };
  let failure: Error | undefined;
  let starting: () => Promise<void> = async () => {};

  const host: JobHost = {
    async start(request) {
      await starting();
      started.push(request);
      const startedAt = '2026-02-08T10:15:31.000Z';
      const fresh = { log: new Uint8Array(), state: 'running' as const, exitCode: null };
      const { target, secrets } = request;
      jobs.set(request.id, { ...fresh, target, secrets, startedAt });
      return { startedAt };
    },
    async cancel(wanted) {
      calls.cancel += 1;
      if (failure) throw failure;
      const job = jobs.get(wanted);
      if (job?.state === 'running') Object.assign(job, { state: 'cancelled', exitCode: 143 });
      return job?.state;
    },
    async list({ id: wanted, tailBytes }) {
      calls.list += 1;
      if (failure) throw failure;
      return [...jobs]
        .filter(([each]) => wanted === undefined || each === wanted)
        .map(([each, job]): JobRecord => {
          const { log, ...facts } = job;
          const ended = job.state !== 'running' && job.state !== 'lost';
          return {
            ...facts,
            id: each,
            kind: 'rebuild',
            finishedAt: ended ? '2026-02-08T10:20:00.000Z' : null,
            outputBytes: log.length,
            outputTail: tailBytes === 0 ? new Uint8Array() : log.slice(-tailBytes),
          };
        });
    },
    async read(spans, { waitMs, signal }) {
      calls.read += 1;
      const keys = spans.map((span) => `${span.id} ${span.offset}`);
      for (const key of keys) calls.watched.add(key);
      const look = () =>
        spans.map((span) => {
          const job = jobs.get(span.id);
          if (job === undefined) {
            return { ...span, state: undefined, bytes: new Uint8Array(), done: false };
          }
          const bytes = job.log.slice(span.offset, span.offset + 50);
          const done = job.state !== 'running' && span.offset + bytes.length >= job.log.length;
          return { ...span, state: job.state, bytes, done };
        });
      const isNews = () =>
        look().some(({ state, bytes, done }) => state === undefined || done || bytes.length > 0);
      const deadlineMs = Date.now() + Math.min(waitMs, 100);
      while (!failure && !isNews() && Date.now() < deadlineMs && !signal?.aborted) {
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
      signal?.throwIfAborted();
      if (!failure) return look();
      for (const key of keys) calls.failed.add(key);
      throw failure;
    },
  };
  return {
    host,
    jobs,
    started,
    calls,
    add(name: string, job: Partial<FakeJob> & { readonly text?: string } = {}) {
      const { text = '', ...rest } = job;
      jobs.set(name, {
        log: encode(text),
        state: 'running',
        exitCode: null,
        target: 'web',
        startedAt: '2026-02-08T10:15:31.000Z',
        secrets: toWords(),
        ...rest,
      });
    },
    print(name: string, text: string) {
      const job = jobs.get(name);
      if (job) job.log = Uint8Array.from([...job.log, ...encode(text)]);
    },
    end(name: string, state: JobState, exitCode: number | null = null) {
      Object.assign(jobs.get(name) ?? {}, { state, exitCode });
    },
    fail(error: Error | undefined) {
      failure = error;
    },
    onStart(run: () => Promise<void>) {
      starting = run;
    },
  };
}

const encode = (text: string) => new TextEncoder().encode(text);
