// The output of a command as it may be shown: readable, without control sequences, and without what looks like a secret.

import { isTelling } from '../model/possible-secret.ts';
import { createHiding } from '../model/redaction.ts';

const maxTailLines = 50;
const maxTailLineLength = 500;
const maxLineLength = 2000;
/** What is kept of a line that has not ended; of what a terminal would show, far more than is shown of any. */
const maxHeldBytes = 64 * 1024;

const newline = 0x0a;
const carriageReturn = 0x0d;

/** At most the last 50 lines, without blank ones, control sequences, progress that was painted over, and values of environment assignments. */
export function toOutputTail(output: string): string {
  return output
    .split('\n')
    .map((line) => toReadableLine(line, { hide: (text) => text, maxLength: maxTailLineLength }))
    .filter((line) => line !== '')
    .slice(-maxTailLines)
    .join('\n');
}

export interface ReadableText {
  /** Whole lines, each with its newline. */
  readonly text: string;
  /** Of the raw output: everything up to here. */
  readonly offset: number;
}

export interface ReadableLines {
  /** What has become readable by these bytes; `undefined` while no line has ended. */
  add(bytes: Uint8Array): ReadableText | undefined;
  /** The last line, where it has no newline. */
  end(): ReadableText | undefined;
}

export interface ReadableLinesOptions {
  /** Where the first byte that is added stands in the raw output. */
  readonly offset?: number;
  /** Leaves out everything up to the first newline: in a line without its beginning, secrets cannot be recognised. */
  readonly skipFirst?: boolean;
  readonly secrets?: readonly string[];
}

/**
 * Turns an output that comes in pieces into readable lines; a line's text does not depend on where the pieces are cut.
 * Needs little memory however long a line is: of one without end, the beginning of what was painted last is shown.
 */
export function createReadableLines({
  offset = 0,
  skipFirst = false,
  secrets = [],
}: ReadableLinesOptions = {}): ReadableLines {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  const options = { hide: hidingOf(secrets), maxLength: maxLineLength };
  let held: Uint8Array = new Uint8Array();
  let skipping = skipFirst;
  /** Of the raw output: all that was added. */
  let added = offset;

  const toLines = (bytes: Uint8Array) =>
    decoder
      .decode(bytes)
      .split('\n')
      .map((line) => `${toReadableLine(line, options)}\n`)
      .join('');

  return {
    add(bytes) {
      const base = added;
      added += bytes.length;
      const last = bytes.lastIndexOf(newline);
      if (last < 0) {
        if (!skipping) held = bound(join(held, bytes));
        return undefined;
      }
      const first = bytes.indexOf(newline);
      let text = skipping ? '' : toLines(join(held, bytes.subarray(0, first)));
      if (first < last) text += toLines(bytes.subarray(first + 1, last));
      skipping = false;
      held = bound(bytes.slice(last + 1));
      return text === '' ? undefined : { text, offset: base + last + 1 };
    },
    end() {
      if (skipping || held.length === 0) return undefined;
      const text = toLines(held);
      held = new Uint8Array();
      return { text, offset: added };
    },
  };
}

/** The readable lines of the end of an output; `isWhole` tells that it is all of it. */
export function toReadableTail(
  bytes: Uint8Array,
  { isWhole, secrets = [] }: { readonly isWhole: boolean; readonly secrets?: readonly string[] },
): string {
  const lines = createReadableLines({ skipFirst: !isWhole, secrets });
  return (lines.add(bytes)?.text ?? '') + (lines.end()?.text ?? '');
}

function join(a: Uint8Array, b: Uint8Array): Uint8Array {
  const joined = new Uint8Array(a.length + b.length);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
}

function bound(line: Uint8Array): Uint8Array {
  if (line.length <= maxHeldBytes) return line;
  // The very last byte may be half of a Windows line end, or the beginning of what is painted next.
  const painted = line.lastIndexOf(carriageReturn, line.length - 2);
  const kept = line.slice(painted + 1, painted + 1 + maxHeldBytes);
  if (line.at(-1) === carriageReturn) kept[kept.length - 1] = carriageReturn;
  return kept;
}

interface ReadableLineOptions {
  readonly hide: (text: string) => string;
  readonly maxLength: number;
}

function toReadableLine(line: string, { hide, maxLength }: ReadableLineOptions): string {
  const painted = hide(hasControls.test(line) ? toPainted(line) : line.trimEnd());
  // Somewhat past what is shown: a secret that the cut goes through must still look like one.
  const shown = hideAssignments(painted.slice(0, maxLength + 1500));
  return shown.length > maxLength ? `${shown.slice(0, maxLength)}…` : shown;
}

/** What a terminal would show of it in the end. */
function toPainted(line: string): string {
  const painted = line
    .replace(escapes, '')
    .split('\r')
    .filter((part) => part !== '')
    .at(-1);
  return (painted ?? '').replace(controls, '').trimEnd();
}

/** CSI, OSC and other escape sequences: https://www.ecma-international.org/publications-and-standards/standards/ecma-48/ */
const escapes =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it is for
  /\u001b\[[0-?]*[ -/]*[@-~]|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)|\u001b[PX^_][^\u001b]*\u001b\\|\u001b[ -/]*[0-~]|\u009b[0-?]*[ -/]*[@-~]/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it is for
const controls = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it is for
const hasControls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/;

/** Whatever is assigned to a name in capitals, or to a name that speaks of secrets; and passwords in URLs. A value's closing quote may be past what is searched. */
const assignments: readonly (readonly [RegExp, string])[] = [
  [/\b([A-Z_][A-Z0-9_]*)=(?:"[^"]*"?|'[^']*'?|\S+)/g, '$1=***'],
  [
    /((?:passw(?:or)?d|secret|token|api[_-]?key|credential)[\w.-]{0,64}["']?\s{0,8}[=:]\s{0,8})(?:"[^"]*"?|'[^']*'?|\S+)/gi,
    '$1***',
  ],
  [/^(.*\bENV\s+[A-Za-z_][A-Za-z0-9_]*)\s+[^=\s].*$/g, '$1 ***'],
  [/(\b\w{1,32}:\/\/[^\s/:@]*):[^\s/@]+@/g, '$1:***@'],
  [/\b((?:Bearer|Basic)\s+)[\w.~+/=-]{8,}/gi, '$1***'],
];

/** Most lines have none of this, and there are many. */
const mayAssign = /[=:]|ENV|bearer|basic/i;

function hideAssignments(line: string): string {
  if (!mayAssign.test(line)) return line;
  const declared = /\b(?:ENV|ARG)\s/.test(line)
    ? line.replace(/\b([A-Za-z_]\w*)=(?:"[^"]*"?|'[^']*'?|\S+)/g, '$1=***')
    : line;
  return assignments.reduce((text, [pattern, shown]) => text.replace(pattern, shown), declared);
}

/** Hides every word that is long enough not to be found by chance and is not merely a plain one, which says nothing. */
function hidingOf(secrets: readonly string[]): (text: string) => string {
  const words = secrets.filter((word) => word.trim().length >= minSecretLength && isTelling(word));
  return createHiding(words).hide;
}

const minSecretLength = 6;
