// A container's log as the json-file driver keeps it: numbered entries, bounded, surviving restarts of the container.

import { Buffer } from 'node:buffer';
import type { NanoTime } from './nano-time.ts';

export type LogStream = 'stdout' | 'stderr';

/** A line, or one part of a line longer than 16 KiB. */
export interface LogEntry {
  readonly stream: LogStream;
  readonly time: NanoTime;
  /** Ends in a newline, unless more parts of the same line follow. */
  readonly bytes: Buffer;
}

export interface ContainerLog {
  /** The number of the oldest entry that is kept. */
  readonly first: number;
  /** The number that the next entry gets. */
  readonly next: number;
  /** Counts the ends of the container's program: who follows the log ends with it. */
  readonly run: number;
  /** Where a run ended: the number after its last entry; undefined while it goes on. */
  endOf(run: number): number | undefined;
  at(number: number): LogEntry | undefined;
  /** Keeps what has no newline yet until the newline comes. Times of one stream strictly increase: an equal or earlier one is moved up. */
  append(stream: LogStream, text: string | Uint8Array, time: NanoTime): void;
  /** Ends the run: completes what has no newline yet, as the driver does at the end of a stream. */
  endRun(time: NanoTime): void;
  /** Resolves at the next append or end of run, or when the signal aborts. */
  changed(signal: AbortSignal): Promise<void>;
}

const partBytes = 16 * 1_024;

/** An empty log that drops its oldest entries beyond `limit`. */
export function createLog({ limit = 20_000 }: { readonly limit?: number } = {}): ContainerLog {
  let entries: LogEntry[] = [];
  let first = 0;
  const ends: number[] = [];
  const pending: Record<LogStream, Buffer> = { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) };
  const latest = { stdout: 0n, stderr: 0n };
  const waiting = new Set<() => void>();

  const wake = (): void => {
    for (const resolve of [...waiting]) resolve();
  };
  const push = (stream: LogStream, line: Buffer, time: NanoTime): void => {
    latest[stream] = time > latest[stream] ? time : latest[stream] + 1n;
    for (let start = 0; start < line.length; start += partBytes) {
      entries.push({
        stream,
        time: latest[stream],
        bytes: line.subarray(start, start + partBytes),
      });
    }
    // Dropping one by one would copy the array for each line: let it grow by a quarter first.
    if (entries.length > limit * 1.25) {
      const dropped = entries.length - limit;
      entries = entries.slice(dropped);
      first += dropped;
    }
  };

  return {
    get first() {
      return first;
    },
    get next() {
      return first + entries.length;
    },
    get run() {
      return ends.length;
    },
    endOf: (run) => ends[run],
    at: (number) => entries[number - first],
    append(stream, text, time) {
      let rest: Buffer = Buffer.concat([pending[stream], Buffer.from(text)]);
      let end = rest.indexOf(0x0a);
      while (end !== -1) {
        push(stream, rest.subarray(0, end + 1), time);
        rest = rest.subarray(end + 1);
        end = rest.indexOf(0x0a);
      }
      pending[stream] = rest;
      wake();
    },
    endRun(time) {
      for (const stream of ['stdout', 'stderr'] as const) {
        if (pending[stream].length > 0) {
          push(stream, Buffer.concat([pending[stream], Buffer.from('\n')]), time);
          pending[stream] = Buffer.alloc(0);
        }
      }
      ends.push(first + entries.length);
      wake();
    },
    changed(signal) {
      return new Promise((resolve) => {
        const done = (): void => {
          waiting.delete(done);
          signal.removeEventListener('abort', done);
          resolve();
        };
        waiting.add(done);
        signal.addEventListener('abort', done);
        if (signal.aborted) done();
      });
    },
  };
}
