// GET /containers/{id}/logs: picks entries of a log, follows it, and frames them as the engine's wire wants.

import { Buffer } from 'node:buffer';
import type { ContainerLog, LogEntry, LogStream } from './log.ts';
import { formatLogTime, type NanoTime } from './nano-time.ts';

export interface LogQuery {
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly timestamps: boolean;
  readonly follow: boolean;
  /** undefined for all. */
  readonly tail: number | undefined;
  readonly since: NanoTime | undefined;
  readonly until: NanoTime | undefined;
}

export interface LogReadOptions {
  /** A TTY's log has no frames. */
  readonly framed: boolean;
  /** False for a container that does not run: then there is nothing to follow. */
  readonly running: boolean;
  readonly signal: AbortSignal;
}

/** The log's bytes, entry by entry; reads only as fast as it is consumed, and ends a follow at the end of the container's run. */
export async function* readLog(
  log: ContainerLog,
  query: LogQuery,
  options: LogReadOptions,
): AsyncGenerator<Buffer> {
  const { run } = log;
  const follows = query.follow && options.running;
  let number = firstNumber(log, query.tail);
  while (!options.signal.aborted) {
    // A reader that is too slow loses what the bounded log has dropped meanwhile.
    if (number < log.first) number = log.first;
    if (follows && number >= (log.endOf(run) ?? Number.POSITIVE_INFINITY)) return;
    const entry = log.at(number);
    if (entry === undefined) {
      if (!follows) return;
      await log.changed(options.signal);
      continue;
    }
    number += 1;
    if (query.since !== undefined && entry.time < query.since) continue;
    // As the json-file driver: the first entry later than `until` ends it.
    if (query.until !== undefined && entry.time > query.until) return;
    if (query[entry.stream]) yield toBytes(entry, query.timestamps, options.framed);
  }
}

/** One frame of the multiplexed stream: stream number, three zeros, length. */
export function toFrame(stream: LogStream | number, payload: Uint8Array): Buffer {
  const header = Buffer.alloc(8);
  header[0] = typeof stream === 'number' ? stream : stream === 'stdout' ? 1 : 2;
  header.writeUInt32BE(payload.length, 4);
  return Buffer.concat([header, payload]);
}

function toBytes(entry: LogEntry, timestamps: boolean, framed: boolean): Buffer {
  const payload = timestamps
    ? Buffer.concat([Buffer.from(`${formatLogTime(entry.time)} `), entry.bytes])
    : entry.bytes;
  return framed ? toFrame(entry.stream, payload) : payload;
}

function firstNumber(log: ContainerLog, tail: number | undefined): number {
  return tail === undefined ? log.first : Math.max(log.first, log.next - tail);
}
