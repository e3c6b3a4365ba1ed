// Hides words in a text in one pass, independent of their number and similarity.

export interface Hiding {
  /** Words to be hidden from now on. */
  add(words: Iterable<string>): void;
  /** The text with `***` in place of each word found, together with the letters and digits that it is glued to. */
  hide(text: string): string;
  /** Like `hide`, for a text that was cut off at its end, maybe in the middle of a word. */
  hideCut(text: string): string;
}

const mask = '***';
/** How Docker marks output that it cut. */
const ellipsis = '...';
/** Of a word so much is hashed; the rest is compared. */
const headLength = 32;
/** Shorter ones are looked for only where they stand alone: by chance they are in too many other words. */
const minAnywhere = 6;
const minInFilter = 4;
/** What may be compared for each character of a text; words and texts that are made to cost more are hidden as a whole. */
const comparisonsPerCharacter = 32;

type Position = 'anywhere' | 'whole word' | 'alone';

/**
 * Builds the hiding; time and memory grow with the text and with the words, never with their product.
 * A word of letters alone or digits alone, and one of less than six characters, is found only as a whole word: `1000` is not in `100000`.
 */
export function createHiding(secrets: Iterable<string> = []): Hiding {
  const words = new Set<string>();
  const index = createIndex();
  let sorted: readonly string[] | undefined;
  add(secrets);

  return {
    add,
    hide: (text) => maskRanges(text, index.find(text)),
    hideCut(text) {
      const end = text.endsWith(ellipsis) ? text.length - ellipsis.length : text.length;
      const ranges = index.find(text);
      const start = findCut(text.slice(0, end));
      return maskRanges(text, start === undefined ? ranges : [...ranges, { start, end }]);
    },
  };

  function add(more: Iterable<string>): void {
    for (const word of more) {
      if (word === '' || words.has(word)) continue;
      words.add(word);
      index.add(word);
      sorted = undefined;
    }
  }

  /** Where the last characters of the text begin a word, when there are enough of them to tell. */
  function findCut(text: string): number | undefined {
    const from = Math.max(0, text.length - maxCutLength);
    for (let start = from; start <= text.length - minInFilter; start += 1) {
      if (!index.mayBegin(text, start)) continue;
      sorted ??= [...words].sort(compareText);
      const tail = text.slice(start);
      if (findFrom(sorted, tail)?.startsWith(tail)) return start;
    }
    return undefined;
  }
}

const maxCutLength = 4096;

interface Range {
  readonly start: number;
  readonly end: number;
}

function createIndex() {
  const filter = new Uint8Array(filterSize);
  /** Of the heads that begin with the same characters, the longest first. */
  const lengths = new Map<number, number[]>();
  const shortLengths = new Set<number>();
  const heads = new Map<number, string[]>();
  let hashes = new Uint32Array(0);

  return {
    mayBegin: (text: string, at: number) => filter[startOf(text, at) & (filterSize - 1)] === 1,
    add,
    find,
  };

  function add(word: string): void {
    const length = Math.min(word.length, headLength);
    const key = mix(hashOf(word, length), length);
    const sameHead = heads.get(key);
    if (sameHead === undefined) heads.set(key, [word]);
    else sameHead.push(word);
    if (length < minInFilter) {
      shortLengths.add(length);
      return;
    }
    const start = startOf(word, 0);
    filter[start & (filterSize - 1)] = 1;
    const known = lengths.get(start);
    if (known === undefined) lengths.set(start, [length]);
    else if (!known.includes(length)) known.push(length);
    if (known !== undefined) known.sort((a, b) => b - a);
  }

  /** In order, none overlapping another. */
  function find(text: string): Range[] {
    if (heads.size === 0) return [];
    hashPrefixes(text);
    const ranges: { start: number; end: number }[] = [];
    let comparisons = text.length * comparisonsPerCharacter + 4096;
    let last: { start: number; end: number } | undefined;

    for (let at = 0; at < text.length; at += 1) {
      const end = Math.max(findShort(at), findLong(at));
      if (comparisons < 0) return [{ start: 0, end: text.length }];
      if (end === none) continue;
      if (last === undefined || at >= last.end) {
        last = { start: widenLeft(text, at, last?.end ?? 0), end: widenRight(text, end) };
        ranges.push(last);
      } else if (end > last.end) last.end = widenRight(text, end);
    }
    return ranges;

    function findShort(at: number): number {
      if (shortLengths.size === 0 || !isEdgeBefore(text, at)) return none;
      let end = none;
      for (const length of shortLengths) end = Math.max(end, findWord(at, length));
      return end;
    }

    function findLong(at: number): number {
      if (at + minInFilter > text.length) return none;
      const start = startOf(text, at);
      if (filter[start & (filterSize - 1)] === 0) return none;
      for (const length of lengths.get(start) ?? []) {
        const end = findWord(at, length);
        if (end !== none) return end; // what is shorter is inside
      }
      return none;
    }

    /** The end of the longest word here whose head is so long. */
    function findWord(at: number, length: number): number {
      comparisons -= 1;
      if (at + length > text.length) return none;
      let found = none;
      for (const word of heads.get(mix(hashBetween(at, at + length), length)) ?? []) {
        const end = at + word.length;
        if (end <= found || Math.min(word.length, headLength) !== length) continue;
        comparisons -= word.length;
        if (comparisons < 0) break;
        if (text.startsWith(word, at) && fits(text, at, end, positionOf(word))) found = end;
      }
      return found;
    }
  }

  function hashPrefixes(text: string): void {
    if (hashes.length <= text.length) hashes = new Uint32Array(text.length + 1);
    let hash = 0;
    for (let at = 0; at < text.length; at += 1) {
      hash = (Math.imul(hash, base) + text.charCodeAt(at) + 1) | 0;
      hashes[at + 1] = hash;
    }
  }

  function hashBetween(start: number, end: number): number {
    return ((hashes[end] ?? 0) - Math.imul(hashes[start] ?? 0, powers[end - start] ?? 0)) | 0;
  }
}

const none = -1;
const filterSize = 2 ** 14;
const base = 0x01000193;
const powers = Int32Array.from({ length: headLength + 1 }, (_, exponent) => {
  let power = 1;
  for (let n = 0; n < exponent; n += 1) power = Math.imul(power, base);
  return power;
});

function hashOf(text: string, length: number): number {
  let hash = 0;
  for (let at = 0; at < length; at += 1)
    hash = (Math.imul(hash, base) + text.charCodeAt(at) + 1) | 0;
  return hash;
}

function mix(hash: number, length: number): number {
  return Math.imul(hash ^ length, 0x9e3779b1);
}

/** The first four characters as one number. */
function startOf(text: string, at: number): number {
  let start = 0;
  for (let n = 0; n < minInFilter; n += 1)
    start = (Math.imul(start, 0x85ebca6b) ^ (text.charCodeAt(at + n) + 1)) | 0;
  return start ^ (start >>> 15);
}

function positionOf(word: string): Position {
  if (word.length < minInFilter) return 'alone';
  if (word.length < minAnywhere) return 'whole word';
  return /^(?:\d+|[A-Z]?[a-z]{1,11}|[A-Z]{1,12})$/.test(word) ? 'whole word' : 'anywhere';
}

function fits(text: string, start: number, end: number, position: Position): boolean {
  if (position === 'anywhere') return true;
  if (position === 'alone') return isEdgeBefore(text, start) && isEdgeAfter(text, end);
  if (isGlued(text, end)) return false;
  return !isGlued(text, start) || isOption(text, start);
}

/** As in `-pSECRET`. */
function isOption(text: string, start: number): boolean {
  return text.charAt(start - 2) === '-' && /[A-Za-z]/.test(text.charAt(start - 1));
}

/** Whether one word goes on from before `at` to after it. */
function isGlued(text: string, at: number): boolean {
  return isWordCharacter(text, at - 1) && isWordCharacter(text, at) && !endsEscape(text, at);
}

/** As colours of a terminal and escapes of a string do: their last letter is of no word. */
function endsEscape(text: string, at: number): boolean {
  return escapeSequence.test(text.slice(Math.max(0, at - maxEscapeLength), at));
}

const maxEscapeLength = 24;
const escapeSequence =
  /[\p{Cc}]\[[\d;:?]*[a-z]$|\\(?:x1b|u001b|033|e)\[[\d;:?]*[a-z]$|\\(?:[a-z]|u[\da-f]{4}|x[\da-f]{2}|[0-7]{3})$/iu;

function widenLeft(text: string, start: number, from: number): number {
  let at = start;
  while (at > from && isGlued(text, at)) at -= 1;
  return at;
}

function widenRight(text: string, end: number): number {
  let at = end;
  while (at < text.length && isGlued(text, at)) at += 1;
  return at;
}

function isWordCharacter(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return (
    (code >= 48 && code <= 57) ||
    (code >= 65 && code <= 90) ||
    (code >= 97 && code <= 122) ||
    code === 95 ||
    (code >= 128 && /[\p{L}\p{M}\p{N}]/u.test(text.charAt(at)))
  );
}

const delimiters = new Set(' "\'`=,;:&|()[]{}<>@/?#\\\x7f');

function isEdgeBefore(text: string, start: number): boolean {
  return start === 0 || isDelimiter(text, start - 1) || endsEscape(text, start);
}

function isEdgeAfter(text: string, end: number): boolean {
  return end >= text.length || isDelimiter(text, end);
}

function isDelimiter(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return (
    code < 32 || delimiters.has(text.charAt(at)) || (code >= 128 && !isWordCharacter(text, at))
  );
}

function maskRanges(text: string, ranges: readonly Range[]): string {
  let shown = '';
  let done = 0;
  for (const { start, end } of ranges) {
    if (start > done || (start === done && !shown.endsWith(mask))) {
      shown += text.slice(done, start) + mask;
    }
    done = Math.max(done, end);
  }
  return shown + text.slice(done);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The first of the sorted words that is not before `text`. */
function findFrom(sorted: readonly string[], text: string): string | undefined {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? '') < text) low = middle + 1;
    else high = middle;
  }
  return sorted[low];
}
