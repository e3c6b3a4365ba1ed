// A TTY's log comes without frames: where one entry ends and the next begins follows from newlines and sizes.

import { disorderSeconds } from '../../model/log-line.ts';
import { newline } from './line-store.ts';
import { fullStamp, fullStampPattern, longestStamp, space } from './time.ts';

export interface TtyEntriesOptions {
  /** Of the text of an entry that is a part of a longer line. */
  readonly entryBytes: number;
  /** An entry with its timestamp; with its newline, unless it is a part of a longer line or the last of a run. */
  readonly onEntry: (entry: Buffer) => void;
  readonly now?: (() => number) | undefined;
}

export interface TtyEntries {
  push(chunk: Buffer): void;
  end(): void;
}

/** Builds an incremental splitter that never keeps more than one entry; an entry may share memory with the chunk that brought it. */
export function createTtyEntries({
  entryBytes,
  onEntry,
  now = Date.now,
}: TtyEntriesOptions): TtyEntries {
  let rest: Buffer = Buffer.alloc(0);

  return {
    push(chunk) {
      const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      let start = 0;
      for (;;) {
        const end = findEnd(bytes, start);
        if (end === undefined) break;
        onEntry(bytes.subarray(start, end));
        start = end;
      }
      // A copy: as a slice it would keep the whole chunk alive.
      rest = Buffer.from(bytes.subarray(start));
    },
    end() {
      if (rest.length > 0) onEntry(rest);
      rest = Buffer.alloc(0);
    },
  };

  function findEnd(bytes: Buffer, start: number): number | undefined {
    const longest = bytes.subarray(start, start + longestStamp + entryBytes);
    const stamp = longest.subarray(0, longestStamp).indexOf(space) + 1;
    const entry = longest.subarray(0, stamp + entryBytes);
    const nextRun = findNextRun(entry);
    if (nextRun !== undefined) return start + nextRun;
    const end = entry.indexOf(newline);
    if (end !== -1) return start + end + 1;
    return entry.length === stamp + entryBytes ? start + entry.length : undefined;
  }

  /**
   * Where a run ended without a newline, the first entry of the next one follows in the same line. Its timestamp is later than the
   * entry's own by a millisecond at least, and not of the future: hardly any that a program prints is both.
   */
  function findNextRun(entry: Buffer): number | undefined {
    const lineEnd = entry.indexOf(newline);
    const line = lineEnd === -1 ? entry : entry.subarray(0, lineEnd);
    let zone = 2 * fullStamp; // there is some text before it
    for (;;) {
      zone = line.indexOf('Z ', zone + 1);
      if (zone === -1) return undefined;
      const at = zone + 1 - fullStamp;
      const time = toMillis(line, at);
      if (time > toMillis(line, 0) && time <= now() + disorderSeconds * 1000) return at;
    }
  }
}

/** `NaN` for what is not Docker's own form. */
function toMillis(line: Buffer, at: number): number {
  const text = line.toString('latin1', at, at + fullStamp);
  return fullStampPattern.test(text) ? Date.parse(text) : Number.NaN;
}
