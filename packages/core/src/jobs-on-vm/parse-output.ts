// Parses the output of the job scripts: header lines, and job output framed by its size, since it may be any bytes.

import type { JobReading, JobRecord } from '../adapter-ports.ts';
import { type JobKind, type JobState, jobKinds } from '../model/job.ts';

/** `undefined` when it is anything but the whole answer of the list script. What is sealed of each job goes to `onSealed`, and their key without an id. */
export function parseJobRecords(
  answer: Buffer,
  marker: string,
  onSealed: (id: string, bytes: Buffer) => void = () => {},
): JobRecord[] | undefined {
  const toFrame = (fields: readonly string[]) =>
    fields[0] === 'sealed' && fields.length === 3
      ? toSealedFrame(fields, onSealed)
      : toRecordFrame(fields);
  const frames = parseFrames<JobRecord | undefined>(answer, { marker, toFrame });
  return frames?.filter((record) => record !== undefined);
}

/** `undefined` when it is anything but the whole answer of the read script. */
export function parseJobReadings(answer: Buffer, marker: string): JobReading[] | undefined {
  return parseFrames(answer, { marker, toFrame: toReadingFrame });
}

/** The VM's seconds as ISO 8601; `undefined` when they are none. */
export function toTime(seconds: string | undefined): string | undefined {
  const value = toCount(seconds);
  return value === undefined || value > maxSeconds
    ? undefined
    : new Date(value * 1000).toISOString();
}

/** The end of year 9999. */
const maxSeconds = 253_402_300_799;

interface Frame<T> {
  /** How many bytes follow the header. */
  readonly size: number;
  readonly take: (bytes: Buffer) => T;
}

interface FrameOptions<T> {
  /** Begins every header: bytes that went missing on the VM show as a header that does not begin so. */
  readonly marker: string;
  readonly toFrame: (fields: readonly string[]) => Frame<T> | undefined;
}

function parseFrames<T>(answer: Buffer, { marker, toFrame }: FrameOptions<T>): T[] | undefined {
  const found: T[] = [];
  let at = 0;
  for (;;) {
    const lineEnd = answer.indexOf(0x0a, at);
    if (lineEnd < 0) return undefined;
    const [first, ...fields] = answer.toString('utf8', at, lineEnd).split(' ');
    if (first !== marker) return undefined;
    at = lineEnd + 1;
    if (fields.length === 1 && fields[0] === 'end') return found;
    const frame = toFrame(fields);
    if (frame === undefined || at + frame.size > answer.length) return undefined;
    found.push(frame.take(answer.subarray(at, at + frame.size)));
    at += frame.size;
  }
}

function toSealedFrame(
  [, size, id = '']: readonly string[],
  onSealed: (id: string, bytes: Buffer) => void,
): Frame<undefined> | undefined {
  const bytes = toCount(size);
  if (bytes === undefined) return undefined;
  return {
    size: bytes,
    take: (sealed) => {
      onSealed(id, sealed);
      return undefined;
    },
  };
}

function toRecordFrame(fields: readonly string[]): Frame<JobRecord> | undefined {
  const [id = '', shown, code, finished, started, shownKind, bytes, tail, ...target] = fields;
  const kind = jobKinds.find((each) => each === shownKind);
  const state = toState(shown, code);
  const startedAt = toTime(started);
  const outputBytes = toCount(bytes);
  const size = toCount(tail);
  if (kind === undefined || state === undefined || startedAt === undefined) return undefined;
  if (outputBytes === undefined || size === undefined) return undefined;
  const ended = state === 'succeeded' || state === 'failed' || state === 'cancelled';
  const record = {
    id,
    kind: kind satisfies JobKind,
    target: target.join(' '),
    state,
    startedAt,
    finishedAt: (ended ? toTime(finished) : undefined) ?? null,
    exitCode: (ended ? toCount(code) : undefined) ?? null,
    outputBytes,
  };
  return { size, take: (outputTail) => ({ ...record, outputTail }) };
}

function toReadingFrame(fields: readonly string[]): Frame<JobReading> | undefined {
  const [id = '', from, shown, code, all, piece] = fields;
  const offset = toCount(from);
  const outputBytes = toCount(all);
  const size = toCount(piece);
  if (offset === undefined || outputBytes === undefined || size === undefined) return undefined;
  if (shown === 'none') {
    return { size, take: (bytes) => ({ id, offset, state: undefined, bytes, done: false }) };
  }
  const state = toState(shown, code);
  if (state === undefined) return undefined;
  const done = state !== 'running' && offset + size >= outputBytes;
  return { size, take: (bytes) => ({ id, offset, state, bytes, done }) };
}

/** What a script says a job is, with the exit code beside it. */
export function toState(shown: string | undefined, code: string | undefined): JobState | undefined {
  if (shown === 'running' || shown === 'lost' || shown === 'cancelled') return shown;
  if (shown !== 'ended') return undefined;
  return toCount(code) === 0 ? 'succeeded' : 'failed';
}

function toCount(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,16}$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : undefined;
}
