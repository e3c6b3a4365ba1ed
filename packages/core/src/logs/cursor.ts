// A reader's position in a followed log: every line is delivered once although the log is requested repeatedly.

import type { FollowLogOptions, StampedLine } from '../adapter-ports.ts';
import { compareTimes, disorderSeconds, type LogTail, type LogTime } from '../model/log-line.ts';

/** What of one stream was given: everything before `at`, and `count` lines of that very moment (a clock may be coarse, a long line comes in pieces). */
interface StreamPosition {
  readonly at: LogTime;
  readonly count: number;
  /** The latest time that was given where it is not `at`, as the clock was set back. Left out of positions, as those may be brought to another log. */
  readonly latest?: LogTime | undefined;
}

/** A stream without lines so far has no position. */
export interface LogCursorState {
  readonly stdout?: StreamPosition | undefined;
  readonly stderr?: StreamPosition | undefined;
  /** Where the reader started, for a stream without a position. */
  readonly logStart?: LogStart | undefined;
  /** From when on to ask at the latest: for a long line that had begun and not yet ended, and behind a clock that was set back. */
  readonly askFrom?: LogTime | undefined;
}

interface LogStart {
  readonly at: LogTime;
  /** True for a tail, which begins with a certain line: what the engine gives before that is not wanted. False for a time, before which nothing is. */
  readonly isLine: boolean;
}

export interface LineWithPosition extends StampedLine {
  /** Everything up to this line. */
  readonly position: string;
}

export interface LogCursor {
  /** True until a line was given. */
  readonly isAtStart: boolean;
  /** True where an answer that follows may lack lines (Podman): one that does not has them all. */
  readonly mayLackLines: boolean;
  /** From where on to ask so that nothing is missing; what of the answer was given before is left out by `take`. */
  ask(): Pick<FollowLogOptions, 'tail' | 'since'>;
  /** For what is written from now on; before the first `ask`. */
  askNew(): Pick<FollowLogOptions, 'tail' | 'since'>;
  /** Those of an answer's lines that were not given yet. */
  take(lines: readonly StampedLine[]): LineWithPosition[];
  /** Everything that was given so far; the whole log is still to come where that is nothing. */
  position(): string;
  /** Call when the log was seen to its end: where it was empty, everything that comes is new. */
  reachEnd(): void;
  /** Call when the log is another container's from now on. */
  changeContainer(): void;
}

export interface LogCursorOptions {
  readonly tail: LogTail;
  readonly since?: LogTime | undefined;
  /** Of an earlier reader; then `tail` and `since` are what that one began with. */
  readonly state?: LogCursorState | undefined;
}

type Stream = StampedLine['stream'];

/**
 * Builds a reader's cursor. Relies on what engines do: the lines of one stream are ordered by time and come the same each time,
 * and across the two streams times go back by some milliseconds at most.
 * Where a clock is set back, no line is lost that is stamped within two seconds of the last one given, and to one who reads meanwhile none.
 */
export function createLogCursor({ tail, since, state = {} }: LogCursorOptions): LogCursor {
  const given: Record<Stream, StreamPosition | undefined> = {
    stdout: state.stdout,
    stderr: state.stderr,
  };
  /** What is left to skip of the present answer. */
  const skip: Record<Stream, StreamPosition | undefined> = { stdout: undefined, stderr: undefined };
  const texts: Record<Stream, string> = {
    stdout: toPositionText(given.stdout),
    stderr: toPositionText(given.stderr),
  };
  let logStart = state.logStart ?? (since && { at: since, isLine: false });
  let startText = toStartText(logStart);
  let firstTail = tail;
  let { askFrom } = state;
  /** When the present answer comes to this line, it has come to where the reader began. */
  let startLine: LogTime | undefined;

  return {
    get isAtStart() {
      return given.stdout === undefined && given.stderr === undefined;
    },
    mayLackLines: false,
    ask() {
      const from = toFrom();
      startLine = undefined;
      skip.stdout = given.stdout;
      skip.stderr = given.stderr;
      if (from === undefined) return { tail: firstTail, since };
      if (logStart?.isLine && compareTimes(from, logStart.at) <= 0) startLine = logStart.at;
      return { tail: 'all', since: from };
    },
    askNew: () => ({ tail: 0, since }),
    take(lines) {
      const fresh: LineWithPosition[] = [];
      for (const line of lines) {
        if (!isFresh(line)) continue;
        advance(line);
        fresh.push({ line: line.line, stream: line.stream, at: line.at, position: toText() });
      }
      return fresh;
    },
    position: toText,
    reachEnd() {
      firstTail = 'all';
    },
    changeContainer() {
      // All of another log is wanted.
      if (logStart?.isLine) logStart = undefined;
      startText = toStartText(logStart);
      askFrom = undefined;
      for (const stream of ['stdout', 'stderr'] as const) {
        const before = given[stream];
        given[stream] = before && { ...before, latest: undefined };
      }
    },
  };

  function isFresh({ stream, at }: StampedLine): boolean {
    if (startLine !== undefined) {
      // It is of a stream with a position, as every delivered line.
      const hasPosition = given[stream] !== undefined;
      const latest = hasPosition
        ? startLine
        : { ...startLine, seconds: startLine.seconds + disorderSeconds };
      if (compareTimes(at, latest) >= 0) startLine = undefined;
      else if (!hasPosition) return false;
    }
    const before = skip[stream];
    if (before === undefined) return true;
    const order = compareTimes(at, before.at);
    const isFromBefore =
      order !== 0 && before.latest !== undefined && compareTimes(at, before.latest) <= 0;
    if (order < 0 || isFromBefore) return false;
    // Once caught up, the engine's order counts, whatever its clock does.
    const isLast = order > 0 || before.count <= 1;
    skip[stream] = isLast ? undefined : { at, count: before.count - 1 };
    return order > 0;
  }

  function advance({ stream, at, unfinishedSince }: StampedLine): void {
    if (firstTail !== 'all') startAt(at);
    const before = given[stream];
    const isSame = before !== undefined && compareTimes(at, before.at) === 0;
    const latest = maxTime(at, before?.latest ?? before?.at ?? at);
    given[stream] = {
      at,
      count: isSame ? before.count + 1 : 1,
      latest: compareTimes(latest, at) > 0 ? latest : undefined,
    };
    texts[stream] = toPositionText(given[stream]);
    const other = given[stream === 'stdout' ? 'stderr' : 'stdout'];
    const isBehind = other !== undefined && other.at.seconds - at.seconds >= disorderSeconds;
    askFrom = isBehind ? minTime(at, unfinishedSince ?? at) : unfinishedSince;
  }

  function startAt(at: LogTime): void {
    firstTail = 'all';
    logStart = { at, isLine: true };
    startText = toStartText(logStart);
  }

  function toFrom(): LogTime | undefined {
    const { stdout, stderr } = given;
    const times = [stdout, stderr].flatMap((each) => (each === undefined ? [] : [each.at]));
    const last = times.sort(compareTimes).at(-1);
    if (last === undefined) return undefined;
    const reach = { seconds: Math.max(0, last.seconds - disorderSeconds), nanos: last.nanos };
    let from = askFrom === undefined ? reach : minTime(reach, askFrom);
    for (const each of [stdout, stderr]) {
      const isSetBack = each?.latest !== undefined && compareTimes(from, each.latest) <= 0;
      if (isSetBack) from = minTime(from, each.at);
    }
    return logStart === undefined || logStart.isLine ? from : maxTime(from, logStart.at);
  }

  function toText(): string {
    const fromText = askFrom === undefined ? '' : `:${toTimeText(askFrom)}`;
    return `${form}:${texts.stdout}:${texts.stderr}:${startText}${fromText}`;
  }
}

/** `undefined` for what is no `position` of ours. */
export function parsePosition(text: string): LogCursorState | undefined {
  const match = positionPattern.exec(text);
  if (match === null) return undefined;
  const parsed = [match[1], match[2], match[3], match[5]].map(parseStreamPosition);
  const [stdout, stderr, start, from] = parsed;
  const logStart = start && { at: start.at, isLine: match[4] !== undefined };
  if (parsed.some((each) => each !== undefined && each.at.nanos >= 1e9)) return undefined;
  const isNothing = stdout === undefined && stderr === undefined;
  return isNothing && logStart !== undefined
    ? undefined
    : { stdout, stderr, logStart, askFrom: from?.at };
}

/** The first characters of a position tell its form, should there ever be another. */
const form = 'l1';
/** For each stream seconds, nanoseconds, and how many lines if more than one, all in base 36; then the start, a line's with an `l`; then `askFrom`, if there is one. At most 90 characters. */
const positionPattern =
  /^l1:([0-9a-z]{1,8}\.[0-9a-z]{1,6}(?:\.[0-9a-z]{1,8})?)?:([0-9a-z]{1,8}\.[0-9a-z]{1,6}(?:\.[0-9a-z]{1,8})?)?:(?:([0-9a-z]{1,8}\.[0-9a-z]{1,6})(\.l)?)?(?::([0-9a-z]{1,8}\.[0-9a-z]{1,6}))?$/;

function toPositionText(advance: StreamPosition | undefined): string {
  if (advance === undefined) return '';
  const text = toTimeText(advance.at);
  return advance.count === 1 ? text : `${text}.${advance.count.toString(36)}`;
}

function toStartText(logStart: LogStart | undefined): string {
  return logStart === undefined ? '' : `${toTimeText(logStart.at)}${logStart.isLine ? '.l' : ''}`;
}

function toTimeText({ seconds, nanos }: LogTime): string {
  return `${seconds.toString(36)}.${nanos.toString(36)}`;
}

function parseStreamPosition(text: string | undefined): StreamPosition | undefined {
  if (text === undefined) return undefined;
  const [seconds = '', nanos = '', count = '1'] = text.split('.');
  const at = { seconds: Number.parseInt(seconds, 36), nanos: Number.parseInt(nanos, 36) };
  return { at, count: Number.parseInt(count, 36) };
}

function minTime(a: LogTime, b: LogTime): LogTime {
  return compareTimes(a, b) < 0 ? a : b;
}

function maxTime(a: LogTime, b: LogTime): LogTime {
  return compareTimes(a, b) < 0 ? b : a;
}
