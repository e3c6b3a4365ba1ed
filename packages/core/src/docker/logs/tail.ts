// From log entries as the engine sends them to the last lines as a person reads them, in little memory.

import type { LogTime } from '../../model/log-line.ts';
import type { CountBytes } from '../../model/log-text-in-pieces.ts';
import type { LogStream } from './frames.ts';
import { createLineStore, newline } from './line-store.ts';
import { createStampReader, isSameTime, noTime } from './time.ts';

export interface LogTailOptions {
  readonly lines: number;
  /** The newest lines that fit in this are kept. */
  readonly maxBytes: number;
  readonly countBytes?: CountBytes | undefined;
}

export interface LogTail {
  /** One entry with its leading timestamp; entries of over 16 KiB come in parts that repeat it. */
  add(stream: LogStream, entry: Buffer): void;
  /** Bytes of a TTY's log: one stream, no timestamps, cut anywhere. */
  addRaw(chunk: Buffer): void;
  finish(): FinishedTail;
}

export interface FinishedTail {
  /** The last lines of both streams in the order they were written, each with its newline: UTF-8, cut only between lines. */
  readonly pieces: readonly Buffer[];
  /** How many lines there were, dropped ones too, as far as `lines + slackEntries`. */
  readonly lineCount: number;
  /** True when lines were joined from parts: the engine counted those one by one, so that its last N entries are fewer lines. */
  readonly joined: boolean;
  /** How many entries the engine gave, each part counted. */
  readonly entryCount: number;
  /** The nanoseconds of an entry's time, counted from the last one given; undefined for more than `lines` and for what has no entries. */
  nanosFromEnd(count: number): number | undefined;
  /** True when older lines were dropped to stay within `maxBytes`. */
  readonly full: boolean;
}

/** Docker cuts a line into entries of this size: https://github.com/moby/moby/blob/master/daemon/logger/copier.go */
export const entryBytes = 16 * 1024;

/**
 * Stdout and stderr are buffered apart by the engine, so its entries can be some milliseconds out of order across the two:
 * this many entries more than the lines wanted are asked for and kept, so that the sorted tail has no gap at its start.
 */
export const slackEntries = 32;

/** Builds a bounded tail: never holds more than `lines + slackEntries` lines nor more than about `maxBytes`. */
export function createLogTail({ lines, maxBytes, countBytes = () => {} }: LogTailOptions): LogTail {
  const store = createLineStore({ capacity: lines + slackEntries, maxBytes, countBytes });
  const readStamp = createStampReader();
  const unfinished: Record<LogStream, Unfinished | undefined> = {
    stdout: undefined,
    stderr: undefined,
  };
  const recentNanos = new Float64Array(lines);
  let lastTime = noTime;
  let joined = false;
  let shortened = false;
  let entryCount = 0;

  return {
    add(stream, entry) {
      entryCount += 1;
      const { time, text } = readStamp(entry);
      // What has no timestamp stays where it is.
      lastTime = time ?? lastTime;
      recentNanos[entryCount % lines] = lastTime.nanos;
      const before = unfinished[stream];
      if (before !== undefined && !isSameTime(before.time, lastTime)) close(stream);
      appendLines(stream, lastTime, text);
    },
    addRaw(chunk) {
      appendLines('stdout', noTime, chunk);
    },
    finish() {
      for (const stream of ['stdout', 'stderr'] as const) flush(stream);
      const { lineCount, full } = store;
      return {
        pieces: store.read(lines),
        lineCount,
        joined,
        entryCount,
        nanosFromEnd: (count) =>
          count > Math.min(lines, entryCount)
            ? undefined
            : recentNanos[(entryCount - count + 1) % lines],
        full: full || shortened,
      };
    },
  };

  function appendLines(stream: LogStream, time: LogTime, text: Buffer): void {
    let start = 0;
    while (start < text.length) {
      const found = text.indexOf(newline, start);
      const end = found === -1 ? text.length : found + 1;
      append(stream, time, text.subarray(start, end));
      start = end;
    }
  }

  function append(stream: LogStream, time: LogTime, text: Buffer): void {
    const before = unfinished[stream];
    const ended = text.at(-1) === newline;
    if (before === undefined && ended) {
      store.push(stream, time, text);
      return;
    }
    const line = before ?? { time, parts: [], bytes: 0 };
    unfinished[stream] = line;
    // A part is copied: as a slice it would keep the whole chunk alive that it came in.
    countBytes(text.length);
    line.parts.push(Buffer.from(text));
    line.bytes += text.length;
    if (line.bytes > entryBytes) joined = true;
    shorten(line);
    store.reserve(unfinishedBytes());
    if (ended) flush(stream);
  }

  function unfinishedBytes(): number {
    return (unfinished.stdout?.bytes ?? 0) + (unfinished.stderr?.bytes ?? 0);
  }

  /** A line of more than `maxBytes` keeps its end. */
  function shorten(line: Unfinished): void {
    while (unfinishedBytes() > maxBytes && line.parts.length > 1) {
      const cut = line.parts.shift()?.length ?? 0;
      line.bytes -= cut;
      countBytes(-cut);
      shortened = true;
    }
  }

  /** Ends a line that was left without a newline, because the next entry of its stream is another line. */
  function close(stream: LogStream): void {
    unfinished[stream]?.parts.push(Buffer.of(newline));
    flush(stream);
  }

  function flush(stream: LogStream): void {
    const line = unfinished[stream];
    unfinished[stream] = undefined;
    if (line === undefined) return;
    const whole = Buffer.concat(line.parts);
    countBytes(-line.bytes);
    store.push(stream, line.time, whole);
  }
}

interface Unfinished {
  readonly time: LogTime;
  readonly parts: Buffer[];
  bytes: number;
}
