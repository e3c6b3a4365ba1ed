// The timestamp at the head of a log entry, as numbers that sort.

import type { LogTime } from './line-store.ts';

export interface StampedEntry {
  /** `undefined` for what has no timestamp: then all is text. */
  readonly time: LogTime | undefined;
  readonly text: Buffer;
}

/** Builds a reader of timestamps; it remembers the last second, which most lines share with the one before. */
export function createStampReader(): (entry: Buffer) => StampedEntry {
  let lastSecond = '';
  let lastSeconds = 0;

  return (entry) => {
    const end = entry.subarray(0, longestStamp).indexOf(space);
    const match = stampPattern.exec(entry.toString('latin1', 0, Math.max(0, end)));
    if (match === null) return { time: undefined, text: entry };
    const [, date = '', fraction = '', zone = ''] = match;
    const second = date + zone;
    if (second !== lastSecond) {
      lastSecond = second;
      lastSeconds = Date.parse(second) / 1000;
    }
    if (Number.isNaN(lastSeconds)) return { time: undefined, text: entry };
    const nanos = Number(fraction.padEnd(9, '0'));
    return { time: { seconds: lastSeconds, nanos }, text: entry.subarray(end + 1) };
  };
}

const space = 32;
const longestStamp = 40;
/** RFC 3339: Docker always gives nine digits and `Z`; Podman drops trailing zeros and uses the VM's zone. */
const stampPattern = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/;
