// From a followed log's bytes to its lines: parts joined, timestamps taken off, text decoded.

import { StringDecoder } from 'node:string_decoder';
import type { StampedLine } from '../../adapter-ports.ts';
import { compareTimes, type LogTime } from '../../model/log-line.ts';
import { createLogFrames, type LogStream } from './frames.ts';
import { newline } from './line-store.ts';
import { entryBytes } from './tail.ts';
import { createStampReader, isSameTime, noTime } from './time.ts';
import { createTtyEntries } from './tty-entries.ts';

export interface LogLinesOptions {
  /** A TTY's log has one stream, no frames, and `\r\n` at the end of its lines. */
  readonly tty: boolean;
  /** A longer line is given in pieces of this size, cut between characters; the same ones each time. */
  readonly maxLineBytes?: number;
  readonly now?: (() => number) | undefined;
}

/** Both throw `SERVICE_UNAVAILABLE` for what is no log; a decoder that threw is of no further use. */
export interface LogLines {
  /** The lines that `chunk` brought to their end. */
  push(chunk: Buffer): StampedLine[];
  /** Those that the end of the log ends. */
  end(): StampedLine[];
}

interface Unfinished {
  readonly at: LogTime;
  readonly decoder: StringDecoder;
  text: string;
  /** Of `text` as it came. */
  bytes: number;
}

/** Builds a decoder of what the engine sends with `timestamps=1`: keeps no more than one unfinished line of each stream. */
export function createLogLines({
  tty,
  maxLineBytes = 1024 * 1024,
  now,
}: LogLinesOptions): LogLines {
  const readStamp = createStampReader();
  const unfinished: Record<LogStream, Unfinished | undefined> = {
    stdout: undefined,
    stderr: undefined,
  };
  let lines: StampedLine[] = [];
  let lastTime = noTime;
  const source = tty
    ? createTtyEntries({ entryBytes, onEntry: (entry) => add('stdout', entry), now })
    : createLogFrames({ onFrame: add });

  return {
    push(chunk) {
      source.push(chunk);
      return take();
    },
    end() {
      source.end();
      for (const stream of ['stdout', 'stderr'] as const) close(stream);
      return take();
    },
  };

  function take(): StampedLine[] {
    const taken = lines;
    lines = [];
    return taken;
  }

  function add(stream: LogStream, entry: Buffer): void {
    const before = unfinished[stream];
    const { time = lastTime, text } = readStamp(entry);
    if (before !== undefined && !isSameTime(before.at, time)) close(stream);
    lastTime = time;
    addText(stream, time, text);
  }

  function addText(stream: LogStream, at: LogTime, text: Buffer): void {
    let start = 0;
    while (start < text.length) {
      const end = text.indexOf(newline, start);
      if (end === -1) break;
      if (unfinished[stream] === undefined && end - start <= maxLineBytes) {
        give(stream, at, text.toString('utf8', start, end));
      } else {
        append(stream, at, text.subarray(start, end));
        close(stream);
      }
      start = end + 1;
    }
    if (start < text.length) append(stream, at, text.subarray(start));
  }

  function append(stream: LogStream, at: LogTime, text: Buffer): void {
    const line = unfinished[stream] ?? begin(at);
    unfinished[stream] = line;
    let start = 0;
    while (line.bytes + text.length - start > maxLineBytes) {
      const end = start + maxLineBytes - line.bytes;
      line.text += line.decoder.write(text.subarray(start, end));
      const { text: piece } = line;
      line.text = '';
      line.bytes = 0;
      push(stream, line.at, piece);
      start = end;
    }
    line.text += line.decoder.write(text.subarray(start));
    line.bytes += text.length - start;
  }

  function close(stream: LogStream): void {
    const line = unfinished[stream];
    if (line === undefined) return;
    unfinished[stream] = undefined;
    give(stream, line.at, line.text + line.decoder.end());
  }

  function give(stream: LogStream, at: LogTime, text: string): void {
    push(stream, at, tty && text.endsWith('\r') ? text.slice(0, -1) : text);
  }

  function push(stream: LogStream, at: LogTime, line: string): void {
    const { stdout, stderr } = unfinished;
    if (stdout === undefined && stderr === undefined) lines.push({ line, stream, at });
    else lines.push({ line, stream, at, unfinishedSince: toEarlier(stdout, stderr) });
  }
}

/** Of lines whose parts were whole ones so far: what came in a smaller one is the end of a run. */
function toEarlier(...lines: readonly (Unfinished | undefined)[]): LogTime | undefined {
  const times = lines.flatMap((line) => (line && line.bytes % entryBytes === 0 ? [line.at] : []));
  return times.sort(compareTimes)[0];
}

function begin(at: LogTime): Unfinished {
  return { at, decoder: new StringDecoder('utf8'), text: '', bytes: 0 };
}
