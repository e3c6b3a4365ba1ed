// From log entries as the engine sends them to the last lines as a person reads them, in little memory.

import type { LogStream } from './log-frames.ts';

export interface LogTailOptions {
  readonly lines: number;
  /** The newest lines that fit in this are kept. */
  readonly maxBytes: number;
}

export interface LogTail {
  /** One entry with its leading timestamp; entries of over 16 KiB come in parts that repeat it. */
  add(stream: LogStream, entry: Buffer): void;
  /** Bytes of a TTY's log: one stream, no timestamps, cut anywhere. */
  addRaw(chunk: Buffer): void;
  finish(): FinishedTail;
}

export interface FinishedTail {
  /** The last lines of both streams in the order they were written, each with its newline. */
  readonly text: string;
  /** How many lines were at hand, those beyond the asked ones included. */
  readonly lineCount: number;
  /** True when lines were joined from parts: the engine counted those one by one, so that its last N entries are fewer lines. */
  readonly joined: boolean;
  /** How many entries the engine gave, each part counted. */
  readonly entryCount: number;
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
export function createLogTail({ lines, maxBytes }: LogTailOptions): LogTail {
  const capacity = lines + slackEntries;
  const kept: (Line | undefined)[] = [];
  let oldest = 0;
  let keptBytes = 0;
  let joined = false;
  let entryCount = 0;
  let full = false;
  let lastTime = '';
  const unfinished: Record<LogStream, Unfinished | undefined> = {
    stdout: undefined,
    stderr: undefined,
  };

  return {
    add(stream, entry) {
      entryCount += 1;
      const { time = lastTime, text } = splitTimestamp(entry);
      lastTime = time;
      const before = unfinished[stream];
      if (before !== undefined && before.time !== time) close(stream);
      appendLines(stream, time, text);
    },
    addRaw(chunk) {
      appendLines('stdout', '', chunk);
    },
    finish() {
      for (const stream of ['stdout', 'stderr'] as const) flush(stream);
      const ordered = kept
        .slice(oldest)
        .filter((line) => line !== undefined)
        .sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
      const text = joinLines(ordered.slice(-lines));
      return { text, lineCount: ordered.length, joined, entryCount, full };
    },
  };

  function appendLines(stream: LogStream, time: string, text: Buffer): void {
    let start = 0;
    while (start < text.length) {
      const newline = text.indexOf(10, start);
      const end = newline === -1 ? text.length : newline + 1;
      append(stream, time, text.subarray(start, end));
      start = end;
    }
  }

  function append(stream: LogStream, time: string, text: Buffer): void {
    const before = unfinished[stream];
    const ended = text.at(-1) === 10;
    if (before === undefined && ended) {
      keep(time, text);
      return;
    }
    const line = before ?? { time, parts: [], bytes: 0 };
    unfinished[stream] = line;
    // A part is copied: as a slice it would keep the whole chunk alive that it came in.
    line.parts.push(Buffer.from(text));
    line.bytes += text.length;
    if (line.bytes > entryBytes) joined = true;
    shorten(line);
    if (ended) flush(stream);
  }

  /** A line of more than `maxBytes` keeps its end. */
  function shorten(line: Unfinished): void {
    while (line.bytes > maxBytes && line.parts.length > 1) {
      line.bytes -= line.parts.shift()?.length ?? 0;
      full = true;
    }
  }

  /** Ends a line that was left without a newline, because the next entry of its stream is another line. */
  function close(stream: LogStream): void {
    unfinished[stream]?.parts.push(Buffer.from('\n'));
    flush(stream);
  }

  function flush(stream: LogStream): void {
    const line = unfinished[stream];
    unfinished[stream] = undefined;
    if (line !== undefined) keep(line.time, Buffer.concat(line.parts));
  }

  function keep(time: string, text: Buffer): void {
    // Decoded whole, so that no character is cut in two.
    kept.push({ time, text: text.toString('utf8'), bytes: text.length });
    keptBytes += text.length;
    while (kept.length - oldest > capacity) drop();
    while (keptBytes > maxBytes && kept.length - oldest > 1) {
      drop();
      full = true;
    }
    if (oldest > capacity) {
      kept.splice(0, oldest);
      oldest = 0;
    }
  }

  function drop(): void {
    keptBytes -= kept[oldest]?.bytes ?? 0;
    kept[oldest] = undefined;
    oldest += 1;
  }
}

interface Line {
  readonly time: string;
  readonly text: string;
  readonly bytes: number;
}

interface Unfinished {
  readonly time: string;
  readonly parts: Buffer[];
  bytes: number;
}

/** Only the very last line may lack its newline: it is still being written. */
function joinLines(lines: readonly Line[]): string {
  const last = lines.length - 1;
  return lines
    .map(({ text }, index) => (index === last || text.endsWith('\n') ? text : `${text}\n`))
    .join('');
}

const space = 32;
/** `2026-01-02T03:04:05.000000000Z`, the longest form being one with an offset for the zone. */
const longestTimestamp = 40;

/** What has no timestamp is all text. */
function splitTimestamp(entry: Buffer): { time?: string; text: Buffer } {
  const end = entry.subarray(0, longestTimestamp).indexOf(space);
  const stamp = end === -1 ? '' : entry.toString('latin1', 0, end);
  const time = toSortable(stamp);
  return time === undefined ? { text: entry } : { time, text: entry.subarray(end + 1) };
}

const stampPattern = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/;

/** Docker's own form sorts as it is; Podman drops trailing zeros and uses the VM's zone. */
function toSortable(stamp: string): string | undefined {
  if (stamp.length === 30 && stamp.endsWith('Z') && stampPattern.test(stamp)) return stamp;
  const match = stampPattern.exec(stamp);
  if (match?.[1] === undefined || match[3] === undefined) return undefined;
  const seconds = new Date(`${match[1]}${match[3]}`);
  if (Number.isNaN(seconds.getTime())) return undefined;
  return `${seconds.toISOString().slice(0, 19)}.${(match[2] ?? '').padEnd(9, '0')}Z`;
}
