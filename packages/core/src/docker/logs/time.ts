// The timestamp at the head of a log entry, as numbers that sort; and back, for a question.

import type { LogTime } from '../../model/log-line.ts';

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
    const quick = readSameSecond(entry);
    if (quick !== undefined) return quick;
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

  /** Docker's own form in the second of the entry before: most of a log, and several times quicker than the pattern. */
  function readSameSecond(entry: Buffer): StampedEntry | undefined {
    if (
      entry[fullStamp] !== space ||
      entry[fullStamp - 1] !== zulu ||
      lastSecond.length !== 20 ||
      Number.isNaN(lastSeconds)
    ) {
      return undefined;
    }
    for (let at = 0; at < 19; at += 1) {
      if (entry[at] !== lastSecond.charCodeAt(at)) return undefined;
    }
    if (entry[19] !== dot) return undefined;
    let nanos = 0;
    for (let at = 20; at < 29; at += 1) {
      const digit = (entry[at] ?? 0) - zero;
      if (digit < 0 || digit > 9) return undefined;
      nanos = nanos * 10 + digit;
    }
    return { time: { seconds: lastSeconds, nanos }, text: entry.subarray(fullStamp + 1) };
  }
}

/** Of an entry before the first. */
export const noTime: LogTime = { seconds: 0, nanos: 0 };

export function isSameTime(a: LogTime, b: LogTime): boolean {
  return a.seconds === b.seconds && a.nanos === b.nanos;
}

/** As the Engine API takes it in `since`. */
export function toSince({ seconds, nanos }: LogTime): string {
  return `${seconds}.${String(nanos).padStart(9, '0')}`;
}

/** `2026-01-02T03:04:05.000000006Z` */
export const fullStamp = 30;
export const fullStampPattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/;
const zulu = 90;
const dot = 46;
const zero = 48;

export const space = 32;
export const longestStamp = 40;
/** RFC 3339: Docker always gives nine digits and `Z`; Podman drops trailing zeros and uses the VM's zone. */
const stampPattern = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/;
