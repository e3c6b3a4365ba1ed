// A reader's position in the log of an engine that stamps whole seconds (Podman): within the last two, lines are told apart by their text.

import type { FollowLogOptions, StampedLine } from '../adapter-ports.ts';
import type { LogTime } from '../model/log-line.ts';
import type { LineWithPosition, LogCursor } from './cursor.ts';

/** How many lines of one second were given, and the sum of their hashes: enough to find them again. */
interface GivenCount {
  readonly count: number;
  readonly sum: number;
}

export interface WholeSecondState {
  readonly second: number;
  /** Of the second before. */
  readonly before: GivenCount;
  readonly last: GivenCount;
  /** What the reader asked for; nothing older is wanted. */
  readonly since?: LogTime | undefined;
}

export interface WholeSecondStart {
  readonly since?: LogTime | undefined;
  /** Nothing older than the second before it is wanted. */
  readonly second?: number | undefined;
}

export interface WholeSecondCursor extends LogCursor {
  /** Counts these lines as given. */
  skip(lines: Iterable<StampedLine>): void;
}

type ReadLog = (
  wanted: Pick<FollowLogOptions, 'tail' | 'since'>,
) => Promise<AsyncIterable<readonly StampedLine[]>>;

/** Of one second: each line's hash, in the order in which they were given, and their sum. */
interface Second {
  readonly hashes: number[];
  sum: number;
}

/**
 * Builds a cursor for stamps without fractions. Such an engine's `since` is exclusive, and what it gives to a follower may lack
 * lines when the container does not run any more: so it is asked from two seconds earlier on, and each line that was given is left out once.
 */
export function createWholeSecondCursor({
  since,
  second: start,
}: WholeSecondStart = {}): WholeSecondCursor {
  const seconds = new Map<number, Second>();
  let last = start;
  /** Until the present answer has come to where the reader was: how often each line of a second is still to be left out. */
  let given: Map<string, number> | undefined;

  const cursor: WholeSecondCursor = {
    isAtStart: false,
    mayLackLines: true,
    ask() {
      given = toGiven();
      if (last === undefined) return { tail: 'all', since };
      const from = Math.max(0, last - windowSeconds);
      const isLater = since !== undefined && since.seconds >= from;
      return { tail: 'all', since: isLater ? since : { seconds: from, nanos: 0 } };
    },
    askNew: () => cursor.ask(),
    take(lines) {
      const fresh: LineWithPosition[] = [];
      for (const line of lines) {
        if (isGiven(line)) continue;
        add(line);
        fresh.push({ line: line.line, stream: line.stream, at: line.at, position: toText() });
      }
      return fresh;
    },
    skip(lines) {
      for (const line of lines) add(line);
    },
    position: toText,
    reachEnd() {},
    changeContainer() {
      seconds.clear();
    },
  };
  return cursor;

  function toGiven(): Map<string, number> | undefined {
    if (last === undefined) return undefined;
    const counts = new Map<string, number>();
    for (const [second, { hashes }] of seconds) {
      for (const hash of hashes) {
        const key = `${second} ${hash}`;
        counts.set(key, (counts.get(key) ?? 0) + 1);
      }
    }
    return counts;
  }

  function isGiven(line: StampedLine): boolean {
    if (given === undefined || last === undefined) return false;
    const second = line.at.seconds;
    if (second < last - 1) return true;
    const key = `${second} ${toHash(line)}`;
    const left = given.get(key) ?? 0;
    if (left > 1) given.set(key, left - 1);
    if (left === 1) given.delete(key);
    // Caught up: from here on the engine's order counts, whatever its clock does.
    if (second > last || given.size === 0) given = undefined;
    return left > 0;
  }

  function add(line: StampedLine): void {
    const second = line.at.seconds;
    if (last === undefined || second > last || second < last - 1) {
      last = second;
      for (const each of seconds.keys()) {
        if (each !== last && each !== last - 1) seconds.delete(each);
      }
    }
    const entry = seconds.get(second) ?? { hashes: [], sum: 0 };
    const hash = toHash(line);
    entry.hashes.push(hash);
    entry.sum = (entry.sum + hash) % hashSpace;
    seconds.set(second, entry);
  }

  function toText(): string {
    const second = last ?? 0;
    const counts = [second - 1, second].map((each) => {
      const { hashes, sum } = seconds.get(each) ?? { hashes: [], sum: 0 };
      return `${hashes.length.toString(36)}.${sum.toString(36)}`;
    });
    const from = since && `${since.seconds.toString(36)}.${since.nanos.toString(36)}`;
    return `${form}:${second.toString(36)}:${counts.join(':')}:${from ?? ''}`;
  }
}

/** A cursor at the last `tail` lines of the log, as it is now. */
export async function startAtTail(
  { tail, since }: { tail: number; since?: LogTime | undefined },
  read: ReadLog,
): Promise<WholeSecondCursor> {
  let first: number | undefined;
  /** Lines of the tail's first second that the tail holds. */
  let wanted = 0;
  for await (const lines of await read({ tail: Math.max(1, tail), since })) {
    for (const { at } of lines) {
      first ??= at.seconds;
      if (at.seconds === first && tail > 0) wanted += 1;
    }
  }
  const cursor = createWholeSecondCursor({ since, second: first });
  if (first === undefined) return cursor;
  const older: StampedLine[] = [];
  const from = { seconds: Math.max(0, first - windowSeconds), nanos: 0 };
  for await (const lines of await read({ tail: 'all', since: from })) {
    if (tail === 0) cursor.skip(lines.filter(({ at }) => at.seconds >= from.seconds));
    else older.push(...lines.filter(({ at }) => at.seconds <= first));
  }
  const count = older.filter(({ at }) => at.seconds === first).length;
  cursor.skip(older.slice(0, older.length - Math.min(wanted, count)));
  return cursor;
}

/** The cursor of an earlier reader: which lines it was given is found in the log. */
export async function restoreWholeSeconds(
  { second, before, last, since }: WholeSecondState,
  read: ReadLog,
): Promise<WholeSecondCursor> {
  const cursor = createWholeSecondCursor({ since, second });
  const found: Record<'before' | 'last', StampedLine[]> = { before: [], last: [] };
  const from = { seconds: Math.max(0, second - windowSeconds), nanos: 0 };
  const isLater = since !== undefined && since.seconds >= from.seconds;
  for await (const lines of await read({ tail: 'all', since: isLater ? since : from })) {
    for (const line of lines) {
      if (line.at.seconds === second - 1) found.before.push(line);
      if (line.at.seconds === second) found.last.push(line);
    }
  }
  cursor.skip(selectGiven(found.before, before));
  cursor.skip(selectGiven(found.last, last));
  return cursor;
}

/** `undefined` for what is no position of such a log. */
export function parseWholeSecondPosition(text: string): WholeSecondState | undefined {
  const match = positionPattern.exec(text);
  if (match === null) return undefined;
  const [second = 0, countBefore = 0, sumBefore = 0, count = 0, sum = 0, from, nanos = 0] = match
    .slice(1)
    .map((part) => (part === undefined ? undefined : Number.parseInt(part, 36)));
  if (Math.max(sumBefore, sum) >= hashSpace || nanos >= 1e9) return undefined;
  return {
    second,
    before: { count: countBefore, sum: sumBefore },
    last: { count, sum },
    since: from === undefined ? undefined : { seconds: from, nanos },
  };
}

/** Lines of this second and the one before are kept by their hashes, and the engine's `since` is exclusive. */
const windowSeconds = 2;
/** The first characters of a position tell its form. */
const form = 's1';
/** The second; for the one before and itself how many lines and their sum; `since`. All in base 36, at most 80 characters. */
const positionPattern =
  /^s1:([0-9a-z]{1,8}):([0-9a-z]{1,8})\.([0-9a-z]{1,10}):([0-9a-z]{1,8})\.([0-9a-z]{1,10}):(?:([0-9a-z]{1,8})\.([0-9a-z]{1,6}))?$/;
const hashSpace = 2 ** 48;
/** Of comparisons: then the lines are taken for the first ones. */
const maxSearch = 4_000_000;

/** The first so many of the lines, but for a gap somewhere: a follower was not given everything. */
function selectGiven(lines: readonly StampedLine[], { count, sum }: GivenCount) {
  if (count === 0 || lines.length < count) return [];
  const sums = [0];
  for (const line of lines) sums.push(((sums.at(-1) ?? 0) + toHash(line)) % hashSpace);
  const upTo = (index: number): number => sums[index] ?? 0;
  let steps = 0;
  for (let gap = 0; gap <= lines.length - count && steps < maxSearch; gap += 1) {
    const wanted = (upTo(count + gap) - sum + hashSpace) % hashSpace;
    for (let at = 0; at <= count; at += 1) {
      steps += 1;
      if ((upTo(at + gap) - upTo(at) + hashSpace) % hashSpace === wanted) {
        return [...lines.slice(0, at), ...lines.slice(at + gap, count + gap)];
      }
    }
  }
  return lines.slice(0, count);
}

/** 48 bits of stream and text (two rounds of FNV-1a with different offsets): which of the lines of a second it is. */
function toHash({ stream, line }: StampedLine): number {
  let low = stream === 'stdout' ? 0x811c9dc5 : 0x050c5d1f;
  let high = low ^ 0x5bd1e995;
  for (let at = 0; at < line.length; at += 1) {
    const unit = line.charCodeAt(at);
    low = Math.imul(low ^ unit, 0x01000193);
    high = Math.imul(high ^ unit, 0x5bd1e995) ^ (high >>> 13);
  }
  return ((high ^ low) & 0xffff) * 2 ** 32 + (low >>> 0);
}
