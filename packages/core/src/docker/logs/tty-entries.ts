// A TTY's log comes without frames: where one entry ends and the next begins follows from newlines and sizes.

import { newline } from './line-store.ts';
import { longestStamp, space } from './time.ts';

export interface TtyEntriesOptions {
  /** Of the text of an entry that is a part of a longer line. */
  readonly entryBytes: number;
  /** An entry with its timestamp; with its newline, unless it is a part of a longer line or the last of all. */
  readonly onEntry: (entry: Buffer) => void;
}

export interface TtyEntries {
  push(chunk: Buffer): void;
  end(): void;
}

/** Builds an incremental splitter that never keeps more than one entry; an entry may share memory with the chunk that brought it. */
export function createTtyEntries({ entryBytes, onEntry }: TtyEntriesOptions): TtyEntries {
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
    const end = entry.indexOf(newline);
    if (end !== -1) return start + end + 1;
    return entry.length === stamp + entryBytes ? start + entry.length : undefined;
  }
}
