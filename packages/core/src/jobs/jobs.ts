// The job service: long work that runs on the VM and that any process of the API can find again.

import type {
  CallOptions,
  Clock,
  Compute,
  EngineContainer,
  EnvironmentWords,
  JobCaller,
  JobHost,
  JobPlan,
  JobReading,
  JobRecord,
  JobSpan,
  Link,
  ReadOptions,
  RebuildOptions,
} from '../adapter-ports.ts';
import { isAppError } from '../app-error.ts';
import { toAbortableIterator } from '../concurrency/abortable-iterator.ts';
import { withDeadline } from '../concurrency/deadline.ts';
import { createSharedStarts } from '../concurrency/share-start-in-progress.ts';
import { createSingleFlight } from '../concurrency/single-flight.ts';
import { type Job, jobIdSchema } from '../model/job.ts';
import { createVmReach } from '../vm/require-running.ts';
import {
  asRebuildOf,
  asVanished,
  jobHasEnded,
  jobNotFound,
  jobSurvives,
  rebuildUnderWay,
  toBuildFailure,
  withheld,
} from './failures.ts';
import { type OutputWithPosition, parseOffset, readJobOutput } from './output.ts';
import { type PresentWords, toHiddenWords } from './output-secrets.ts';
import { toReadableTail } from './readable-output.ts';
import { createRetryWhileUnreachable } from './reconnection.ts';
import { createJobWatch } from './shared-poll.ts';

/** Everything throws `SERVICE_UNAVAILABLE`, with `details.lifecycleState` when the VM does not run: jobs live there. */
export interface Jobs {
  /** The newest first; the last 50 are kept. Without `output` that is empty, and the call costs less. */
  list(options?: { readonly output?: boolean } & ReadOptions): Promise<Job[]>;
  /** Throws `NOT_FOUND`. */
  get(id: string, options?: ReadOptions): Promise<Job>;
  /**
   * The output as it grows; ends when the job has ended and all of it was given. Resolves once the job was found. Goes on over lost connections for up to five minutes each.
   * `after` is a `position`, or any offset in bytes, where what is left of its line is left out; throws `BAD_REQUEST` for what is none, and `NOT_FOUND`.
   */
  output(
    id: string,
    options?: { readonly after?: string | undefined } & CallOptions,
  ): Promise<AsyncIterable<OutputWithPosition>>;
  /** Resolves once it runs on the VM; the signal ends the preparation only. Throws `CONFLICT`: no usable compose labels, outside the roots, or with `details.job` while one of its project runs or is being started. */
  startRebuild(container: EngineContainer, options?: StartOptions): Promise<Job>;
  /**
   * Ends what runs for it on the VM, whichever process started it: TERM, and KILL ten seconds later. Resolves once it has ended; seen through when its caller leaves.
   * Throws `NOT_FOUND`, `CONFLICT` with `details.state` when it has ended already, and `SERVICE_UNAVAILABLE` when even KILL does not end it.
   */
  cancel(id: string, options?: CallOptions): Promise<Job>;
  /**
   * Resolves once it has succeeded, with undefined when it still runs after `timeoutMs`, a day at most. Throws `INTERNAL_ERROR` with `details.exitCode`, `details.output` and `details.job` when it failed or was lost.
   * Waits over lost connections for up to five minutes each; then, when the VM was stopped, and when the job is not there, `SERVICE_UNAVAILABLE` with `details.job` and `details.outcome` `'unknown'`.
   */
  wait(
    id: string,
    options?: { readonly timeoutMs?: number | undefined } & CallOptions,
  ): Promise<Job | undefined>;
}

export interface StartOptions extends RebuildOptions {
  readonly by?: JobCaller | undefined;
}

export interface JobsOptions {
  readonly host: JobHost;
  /** Throws `CONFLICT` when the container cannot be rebuilt. */
  readonly planRebuild: (container: EngineContainer, options?: RebuildOptions) => Promise<JobPlan>;
  readonly compute: Compute;
  readonly link: Link;
  readonly clock: Clock;
  /** So many hexadecimal digits, never the same twice. */
  readonly randomHex: (digits: number) => string;
  /** Words that must not show in the output of a job on this container; where they cannot be read, the output is withheld. Throws `NOT_FOUND` when the container is gone. */
  readonly secretsOf?: (target: string, options: CallOptions) => Promise<EnvironmentWords>;
  /** Told when a job was started, and when one was seen to have ended. */
  readonly onChange?: () => void;
  /** How long the VM may be unreachable before waiting callers fail. */
  readonly maxUnreachableMs?: number;
  /** The longest that `wait` waits. */
  readonly maxWaitMs?: number;
}

/** Rebuilds of one compose project exclude each other. */
const projectLabel = 'com.docker.compose.project';
const listTailBytes = 2 * 1024;
const getTailBytes = 256 * 1024;
const secretsTimeoutMs = 10_000;
/** Past any output: such a span has news only when its job has ended. */
const endOffset = Number.MAX_SAFE_INTEGER;

/**
 * Builds the service of jobs. Nothing of them is kept here: what any process starts, every process finds.
 *
 * @example
 * const { id } = await jobs.startRebuild(container);
 * for await (const { text } of await jobs.output(id)) process.stdout.write(text);
 */
export function createJobs({
  host,
  planRebuild,
  compute,
  link,
  clock,
  randomHex,
  secretsOf = async () => ({ createdAt: new Date(0).toISOString(), words: [] }),
  onChange = () => {},
  maxUnreachableMs = 5 * 60_000,
  maxWaitMs = 24 * 60 * 60_000,
}: JobsOptions): Jobs {
  const vm = createVmReach({ compute, link });
  const reads = createSingleFlight({ deadlineMs: 60_000 });
  const watch = createJobWatch({
    read: (spans, { waitMs }) => vm.reach((signal) => host.read(spans, { waitMs, signal })),
  });
  const retry = createRetryWhileUnreachable({ clock, maxUnreachableMs });
  const starts = createSharedStarts<Job>();
  /** Those that ran when they were last seen: only to tell when one has ended. */
  const running = new Set<string>();
  /** As they were listed last. */
  let known: ReadonlySet<string> = new Set();

  return {
    async list({ output = true, ...caller } = {}) {
      const tailBytes = output ? listTailBytes : 0;
      const records = await findAll({ tailBytes, secrets: output }, caller);
      if (!output) return records.map((record) => toJob(record, [])).sort(newestFirst);
      const targets = [...new Set(records.map(({ target }) => target))];
      const secrets = new Map(
        await Promise.all(
          targets.map(
            async (target) => [target, await readSecrets(target, caller.signal)] as const,
          ),
        ),
      );
      return records
        .map((record) =>
          toJob(record, toHiddenWords(record.id, records, secrets.get(record.target))),
        )
        .sort(newestFirst);
    },
    async get(id, caller = {}) {
      const record = await findOne(id, getTailBytes, caller);
      return toJob(record, await readWords(record, caller));
    },
    async output(id, { after = '0', signal } = {}) {
      const offset = parseOffset(after);
      const record = await findOne(id, 0, { signal });
      const secrets = await readWords(record, { signal });
      const leaving = new AbortController();
      if (secrets === undefined)
        return toAbortableIterator(withhold(record, offset, leaving.signal), leaving);
      const read = (at: number) => next({ id, offset: at }, leaving.signal);
      return toAbortableIterator(
        readJobOutput({ read, offset, secrets, signal, leaving }),
        leaving,
      );
    },
    async startRebuild(container, options = {}) {
      const { name, labels } = container;
      const project = labels[projectLabel] ?? name;
      for (;;) {
        options.signal?.throwIfAborted();
        const outcome = await starts.start(project, () => startRebuild(container, options));
        if (outcome.isOwn) {
          if ('error' in outcome) throw outcome.error;
          return outcome.value;
        }
        if ('value' in outcome) throw rebuildUnderWay(name, outcome.value.id);
        const { error } = outcome;
        if (!isAppError(error)) continue; // its caller has left it
        if (error.code !== 'CONFLICT') throw error;
        if (typeof error.details.job === 'string') throw rebuildUnderWay(name, error.details.job);
        // It was about that container alone.
      }
    },
    async cancel(id, { signal } = {}) {
      const found = await findOne(id, 0, { signal });
      if (found.state !== 'running') throw jobHasEnded(id, found.state);
      const state = await vm.explain(() => host.cancel(id));
      if (state === undefined) throw jobNotFound(id);
      if (state === 'running') throw jobSurvives(id);
      note(id, true);
      if (state !== 'cancelled') throw jobHasEnded(id, state);
      const record = await findOne(id, getTailBytes);
      return toJob(record, await readWords(record));
    },
    async wait(id, { timeoutMs = maxWaitMs, signal } = {}) {
      const enough = new Error('waited for long enough');
      try {
        return await withDeadline((inner) => untilEnded(id, inner), {
          timeoutMs: Math.min(timeoutMs, maxWaitMs),
          signal,
          onTimeout: () => enough,
        });
      } catch (error) {
        if (error === enough) return undefined;
        return asVanished(id)(error);
      }
    },
  };

  async function startRebuild(
    container: EngineContainer,
    { signal, by, all }: StartOptions,
  ): Promise<Job> {
    const target = container.name;
    const [plan, secrets] = await Promise.all([
      vm.reach((reaching) => planRebuild(container, { all, signal: reaching }), signal),
      readSecrets(target, signal),
    ]);
    const id = toJobId(clock.now(), randomHex(8));
    const request = {
      ...{ ...plan, id, kind: 'rebuild' as const, target, ...(by && { by }) },
      ...(secrets !== undefined && secrets !== 'gone' && { secrets }),
    };
    const { startedAt } = await vm.explain(() => host.start(request)).catch(asRebuildOf(target));
    running.add(id);
    onChange();
    return {
      id,
      kind: 'rebuild',
      target,
      state: 'running',
      startedAt,
      finishedAt: null,
      exitCode: null,
      output: '',
    };
  }

  async function untilEnded(id: string, signal: AbortSignal): Promise<Job> {
    await next({ id, offset: endOffset }, signal);
    const readRecord = () => findOne(id, getTailBytes, { signal });
    const record = await retry(id, readRecord, signal);
    const secrets = await retry(id, () => readWords(record, { signal }), signal);
    if (record.state !== 'succeeded') throw toBuildFailure(record, secrets);
    return toJob(record, secrets);
  }

  async function find(
    options: { readonly id?: string; readonly tailBytes: number; readonly secrets?: boolean },
    signal: AbortSignal | undefined,
  ): Promise<readonly JobRecord[]> {
    const records = await vm.reach(
      (reaching) => host.list({ ...options, signal: reaching }),
      signal,
    );
    for (const { id, state } of records) note(id, state !== 'running');
    if (options.id === undefined) known = new Set(records.map(({ id }) => id));
    return records;
  }

  function findAll(
    { tailBytes, secrets = false }: { readonly tailBytes: number; readonly secrets?: boolean },
    caller: ReadOptions = {},
  ): Promise<readonly JobRecord[]> {
    const list = (inner: AbortSignal) => find({ tailBytes, secrets }, inner);
    const key = `the list of jobs with ${tailBytes} bytes${secrets ? ' and words' : ''} each`;
    return reads.read(key, list, caller);
  }

  async function findOne(
    id: string,
    tailBytes: number,
    caller: ReadOptions = {},
  ): Promise<JobRecord> {
    if (!jobIdSchema.safeParse(id).success) throw jobNotFound(id);
    // One listing answers all who ask for what there is not.
    if (!known.has(id) || tailBytes === 0) {
      const all = await findAll({ tailBytes: 0 }, caller);
      const listed = all.find((record) => record.id === id);
      if (listed === undefined) throw jobNotFound(id);
      if (tailBytes === 0) return listed;
    }
    const work = (shared: AbortSignal) => find({ id, tailBytes }, shared);
    const [record] = await reads.read(`${tailBytes} bytes of the job ${id}`, work, caller);
    if (record === undefined) throw jobNotFound(id);
    return record;
  }

  async function next(span: JobSpan, signal: AbortSignal | undefined): Promise<JobReading> {
    const reading = await retry(span.id, () => watch.next(span, { signal }), signal);
    if (reading.state === undefined) {
      running.delete(span.id);
      throw jobNotFound(span.id);
    }
    note(span.id, reading.state !== 'running');
    return reading;
  }

  /** What must not show in a job's output; undefined where that is not known, so that nothing may show. */
  async function readWords(
    { id, target }: Pick<JobRecord, 'id' | 'target'>,
    caller: ReadOptions = {},
  ): Promise<readonly string[] | undefined> {
    const [all, present] = await Promise.all([
      findAll({ tailBytes: 0, secrets: true }, caller),
      readSecrets(target, caller.signal),
    ]);
    return toHiddenWords(id, all, present);
  }

  async function* withhold(
    { id, target }: JobRecord,
    offset: number,
    signal: AbortSignal,
  ): AsyncGenerator<OutputWithPosition, void, void> {
    yield { text: withheld(target), position: String(offset) };
    await next({ id, offset: endOffset }, signal);
  }

  async function readSecrets(
    target: string,
    signal: AbortSignal | undefined,
  ): Promise<PresentWords> {
    try {
      return await withDeadline((inner) => secretsOf(target, { signal: inner }), {
        timeoutMs: secretsTimeoutMs,
        signal,
        onTimeout: () => new Error('the environment was not read in time'),
      });
    } catch (error) {
      signal?.throwIfAborted();
      return isAppError(error, 'NOT_FOUND') ? 'gone' : undefined;
    }
  }

  function note(id: string, ended: boolean): void {
    if (!ended) running.add(id);
    else if (running.delete(id)) onChange();
  }
}

function toJob(
  { outputBytes, outputTail, ...job }: JobRecord,
  secrets: readonly string[] | undefined,
): Job {
  if (secrets === undefined) return { ...job, output: outputBytes > 0 ? withheld(job.target) : '' };
  const isWhole = outputTail.length === outputBytes;
  return { ...job, output: toReadableTail(outputTail, { isWhole, secrets }) };
}

function toJobId(now: Date, random: string): string {
  return `${now.toISOString().replace(/\.\d+|[-:]/g, '')}-${random}`;
}

function newestFirst(a: Job, b: Job): number {
  const [keyA, keyB] = [`${a.startedAt} ${a.id}`, `${b.startedAt} ${b.id}`];
  return keyA < keyB ? 1 : keyA > keyB ? -1 : 0;
}
