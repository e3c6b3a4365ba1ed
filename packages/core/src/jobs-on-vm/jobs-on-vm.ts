// Jobs on the VM, started and read over SSH: they need only a shell there, and no connection once they run.

import { randomUUID } from 'node:crypto';
import type {
  CallOptions,
  Clock,
  JobHost,
  JobRecord,
  JobRequest,
  JobStart,
} from '../adapter-ports.ts';
import { AppError, isAppError } from '../app-error.ts';
import { systemClock } from '../concurrency/clock.ts';
import { pause } from '../concurrency/deadline.ts';
import { keptJobs } from '../model/defaults-limits-timeouts.ts';
import type { JobState } from '../model/job.ts';
import { vmId } from '../model/vm.ts';
import { createCapture } from '../ssh/command/exec.ts';
import type { SshConnection } from '../ssh/connection/connection.ts';
import type { SshReason } from '../ssh/to-app-error.ts';
import { keyBytes, openWords, sealWords } from './encrypted-secrets.ts';
import { parseJobReadings, parseJobRecords, toState, toTime } from './parse-output.ts';
import {
  cancelScript,
  findScript,
  keyScript,
  listScript,
  readScript,
  runnerScript,
  scriptExits,
  startScript,
  toNaps,
} from './scripts.ts';

export interface JobHostOptions {
  readonly connection: Pick<SshConnection, 'exec'>;
  /** How many jobs the VM keeps; more only while more run. */
  readonly keep?: number;
  /** How long a start whose answer was lost is looked for. */
  readonly findTimeoutMs?: number;
  /** How long a cancelled job has from TERM to KILL. */
  readonly cancelGraceMs?: number;
  readonly clock?: Pick<Clock, 'elapsedMs'>;
}

/**
 * Builds the host of jobs; nothing is opened before the first call.
 *
 * @example
 * const host = createJobHost({ connection });
 * await host.start({ id: '20260208T101531Z-3f9a1c2b', kind: 'rebuild', target: 'web', lock: 'rebuild-home', argv: ['make'], env: {} });
 */
export function createJobHost({
  connection,
  keep = keptJobs,
  findTimeoutMs = 20_000,
  cancelGraceMs = 10_000,
  clock = systemClock,
}: JobHostOptions): JobHost {
  const capture = createCapture(connection);

  return {
    async start(request, { signal } = {}) {
      try {
        return await start(request, signal);
      } catch (error) {
        if (signal?.aborted || !mayHaveBeenSent(error)) throw error;
        return await findStart(request.id, error);
      }
    },
    cancel,
    async list({ id = '', tailBytes, secrets = false, signal }) {
      if (id !== '' && !isJobId(id)) return [];
      const toCommand = (marker: string) =>
        toArgv(listScript, marker, String(tailBytes), secrets ? 'sealed' : '', id);
      return ask(toCommand, parseRecords, { timeoutMs: scriptTimeoutMs, signal });
    },
    async read(spans, { waitMs, signal }) {
      const known = spans.filter(({ id }) => isJobId(id));
      const unknown = spans.filter(({ id }) => !isJobId(id));
      const absent = unknown.map((span) => ({
        ...span,
        state: undefined,
        bytes: new Uint8Array(),
        done: false,
      }));
      if (known.length === 0) return absent;
      const naps = absent.length > 0 ? 0 : toNaps(waitMs);
      const jobs = new Set(known.map(({ id }) => id)).size;
      const pieces = Math.max(1, Math.floor(maxPieces / jobs));
      const most = Math.max(leastPieceBytes, Math.min(pieceBytes, answerBytes / (jobs * pieces)));
      // Those of one job beside each other: its size is taken once.
      const pairs = [...known]
        .sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))
        .flatMap(({ id, offset }) => [id, String(offset)]);
      const readings = await ask(
        (marker) =>
          toArgv(
            readScript,
            marker,
            String(naps),
            String(Math.floor(most)),
            String(pieces),
            ...pairs,
          ),
        parseJobReadings,
        { timeoutMs: waitMs + scriptTimeoutMs, signal },
      );
      return [...absent, ...readings];
    },
  };

  async function cancel(id: string): Promise<JobState | undefined> {
    if (!isJobId(id)) return undefined;
    const { output } = await capture(
      toArgv(cancelScript, id, String(toNaps(cancelGraceMs)), String(toNaps(killedWithinMs))),
      { timeoutMs: cancelGraceMs + killedWithinMs + scriptTimeoutMs, maxBytes: wordBytes },
    );
    const [word, code] = output.toString('utf8').trimEnd().split(' ');
    if (word === 'none') return undefined;
    if (word === 'unknown') throw notCancellable(id);
    const state = toState(word, code);
    if (state === undefined) throw unreadable();
    return state;
  }

  async function start(
    { id, kind, target, lock, by, secrets, argv, env }: JobRequest,
    signal: AbortSignal | undefined,
  ): Promise<JobStart> {
    if (!isJobId(id) || !isJobId(lock) || /\p{Cc}/u.test(target) || argv.length === 0) {
      throw new AppError('INTERNAL_ERROR', `The job '${id}' is not fit to be started`);
    }
    const words = secrets === undefined ? '' : sealWords(secrets, id, await readKey(signal));
    const { exitCode, output } = await capture(
      toArgv(
        startScript,
        ...[id, kind, target, lock, JSON.stringify(by ?? null), words, String(keep), runnerScript],
        ...argv,
      ),
      { env, timeoutMs: startTimeoutMs, maxBytes: wordBytes, signal },
    );
    const [word, value] = output.toString('utf8').trimEnd().split(' ');
    const startedAt = word === 'started' ? toTime(value) : undefined;
    if (startedAt !== undefined) return { startedAt };
    if (exitCode === scriptExits.busy) throw busy(value);
    throw refused(exitCode);
  }

  async function readKey(signal: AbortSignal | undefined): Promise<Buffer> {
    const options = { timeoutMs: scriptTimeoutMs, maxBytes: keyBytes, signal };
    const { exitCode, output } = await capture(toArgv(keyScript), options);
    if (output.length !== keyBytes) throw refused(exitCode);
    return output;
  }

  /** The truth about a start whose answer was lost, over a connection that may be a new one. */
  async function findStart(id: string, cause: unknown): Promise<JobStart> {
    const deadlineMs = clock.elapsedMs() + findTimeoutMs;
    for (;;) {
      let waitMs = retryMs;
      try {
        const { exitCode, output } = await capture(toArgv(findScript, id), {
          timeoutMs: scriptTimeoutMs,
          maxBytes: wordBytes,
        });
        const [word, value] = output.toString('utf8').trimEnd().split(' ');
        const startedAt = toTime(value);
        if (exitCode === 0 && word === 'found' && startedAt !== undefined) return { startedAt };
        if (exitCode === 0 && word === 'voided') throw nothingStarted(cause);
      } catch (error) {
        if (!isAppError(error, 'SERVICE_UNAVAILABLE') || error.cause === cause) throw error;
        waitMs = Math.max(waitMs, toRetryMs(error));
      }
      if (clock.elapsedMs() + waitMs >= deadlineMs) throw outcomeUnknown(id, cause);
      await pause(waitMs);
    }
  }

  async function ask<T>(
    toCommand: (marker: string) => readonly string[],
    parse: (answer: Buffer, marker: string) => T | undefined,
    options: { readonly timeoutMs: number } & CallOptions,
  ): Promise<T> {
    // A job that is cleared away while it is read spoils that one answer.
    for (let attempt = 1; ; attempt += 1) {
      const marker = randomUUID();
      const { output } = await capture(toCommand(marker), {
        ...options,
        isRead: true,
        maxBytes: maxAnswerBytes,
      });
      const answer = parse(output, marker);
      if (answer !== undefined) return answer;
      if (attempt === 3) throw unreadable();
    }
  }
}

function parseRecords(answer: Buffer, marker: string): JobRecord[] | undefined {
  const sealed = new Map<string, Buffer>();
  const records = parseJobRecords(answer, marker, (id, bytes) => sealed.set(id, bytes));
  return records?.map((record) => {
    const secrets = openWords(sealed.get(record.id), record.id, sealed.get(''));
    return secrets === undefined ? record : { ...record, secrets };
  });
}

const scriptTimeoutMs = 20_000;
/** How long KILL may take: a process that waits for a disk takes its time. */
const killedWithinMs = 5_000;
/** Longer than the script ever waits for its lock. */
const startTimeoutMs = 30_000;
const retryMs = 300;
const wordBytes = 4096;
/** Of one job in one answer, and of all jobs together. */
const pieceBytes = 256 * 1024;
const answerBytes = 2 * 1024 * 1024;
/** How many spans one answer has bytes of, at least one a job; each costs the VM two processes. */
const maxPieces = 10;
const leastPieceBytes = 16 * 1024;
const maxAnswerBytes = 16 * 1024 * 1024;

function toArgv(script: string, ...values: readonly string[]): string[] {
  return ['sh', '-c', script, 'ondemand', ...values];
}

/** What may be the name of a folder or file beside the others. */
function isJobId(text: string): boolean {
  return /^[a-zA-Z0-9][a-zA-Z0-9_-]{0,160}$/.test(text);
}

/** Before these, a command has not left us; after any other, it never will. */
const sentReasons: ReadonlySet<unknown> = new Set<SshReason | 'CONNECTION_DROPPED'>([
  'CHANNEL_TIMEOUT',
  'COMMAND_TIMEOUT',
  'CONNECTION_CLOSED',
  'CONNECTION_DROPPED',
  'CONNECTION_LOST',
  'OUTCOME_UNKNOWN',
  'PEER_SILENT',
]);

function mayHaveBeenSent(error: unknown): boolean {
  return !isAppError(error) || sentReasons.has(error.details.reason);
}

function toRetryMs(error: AppError): number {
  const { retryAfterSeconds } = error.details;
  return typeof retryAfterSeconds === 'number' ? retryAfterSeconds * 1000 : 0;
}

function busy(job: string | undefined): AppError {
  const known = job !== undefined && isJobId(job);
  const name = known ? `the job '${job}'` : 'a job that it may not run beside';
  return new AppError(
    'CONFLICT',
    `Nothing was started: ${name} is already under way on ${vmId}; wait until it has ended`,
    { text: 'Rebuild already running', details: known ? { job } : {} },
  );
}

function refused(exitCode: number): AppError {
  if (exitCode === scriptExits.toolsMissing) return toolsMissing();
  if (exitCode === scriptExits.noFolder) return noFolder();
  return new AppError(
    'INTERNAL_ERROR',
    `The job was not started: its runner did not come up on ${vmId} (exit code ${exitCode}); check the VM's memory, disk and process limits`,
    { text: 'Job not started', details: { exitCode } },
  );
}

/** What a start fails with where the VM lacks software. */
export function toolsMissing(): AppError {
  return new AppError(
    'SERVICE_UNAVAILABLE',
    `${vmId} lacks "flock" or "setsid", which jobs need; install util-linux on the VM`,
    { text: 'Missing software on the VM', details: { reason: 'COMMAND_NOT_FOUND' } },
  );
}

/** And where jobs have no place. */
export function noFolder(): AppError {
  return new AppError(
    'INTERNAL_ERROR',
    `The folder for jobs cannot be made on ${vmId}; check the home folder of the SSH user there: its owner, and the space left`,
    { text: 'Job not started' },
  );
}

function notCancellable(job: string): AppError {
  return new AppError(
    'CONFLICT',
    `The job '${job}' was started by an older version of this API, which left no process id; end it on ${vmId}`,
    { text: 'Job cannot be cancelled', details: { job, state: 'running' } },
  );
}

function nothingStarted(cause: unknown): AppError {
  return new AppError(
    'SERVICE_UNAVAILABLE',
    'Nothing was started: the SSH connection to the VM was lost before the job began; try again',
    { text: 'Nothing was started', details: { reason: 'CONNECTION_LOST' }, cause },
  );
}

function outcomeUnknown(job: string, cause: unknown): AppError {
  return new AppError(
    'SERVICE_UNAVAILABLE',
    `The SSH connection to the VM was lost while the job '${job}' was being started; whether it runs is not known. Look at GET /jobs/${job} before you try again`,
    {
      text: 'Outcome unknown',
      details: { reason: 'OUTCOME_UNKNOWN', job, outcome: 'unknown' },
      cause,
    },
  );
}

function unreadable(): AppError {
  return new AppError(
    'SERVICE_UNAVAILABLE',
    `The jobs on ${vmId} cannot be read: the answer of its shell is not whole; check the SSH user there has a POSIX shell, and that the VM has memory left`,
    { text: 'Jobs not readable', details: { reason: 'COMMAND_FAILED' } },
  );
}
