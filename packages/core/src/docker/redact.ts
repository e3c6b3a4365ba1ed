// Hides the values of a container's environment wherever else they are repeated: a health check that prints its URL must not give a password away.

/**
 * The words that repeat a value of the environment (`NAME=value` entries): each value as it is, by its lines, without quotes, percent-encoded, as JSON and base64 write it, and the password of a URL.
 * The longest first, no word twice. For `redact`.
 *
 * @example
 * redact('curl -u admin:hunter22', environmentSecrets(['PASSWORD=hunter22'])); // 'curl -u admin:***'
 */
export function environmentSecrets(env: readonly string[]): readonly string[] {
  const words = new Set(env.flatMap(toValues).flatMap(toForms));
  return [...words].sort((a, b) => b.length - a.length);
}

/** The text with `***` in place of every word of at least four characters, and of shorter ones where they stand alone: as an argument, or between the delimiters of a list or a URL. */
export function redact(text: string, words: readonly string[]): string {
  return hide(
    text,
    words.flatMap((word) => findAll(text, word)),
  );
}

/** Like `redact`, for a text that was cut off at its end, maybe in the middle of a word. */
export function redactCut(text: string, words: readonly string[]): string {
  const end = text.endsWith(ellipsis) ? text.length - ellipsis.length : text.length;
  const cut = Math.max(0, ...words.map((word) => cutLength(text.slice(0, end), word)));
  const ranges = words.flatMap((word) => findAll(text, word));
  return hide(text, cut === 0 ? ranges : [...ranges, { start: end - cut, end }]);
}

const mask = '***';
/** How Docker marks output that it cut. */
const ellipsis = '...';
/** A shorter word would be found in words that it has nothing to do with. */
const minAnywhere = 4;
/** A text that is made of one word over and over is not worth its while: it is hidden as a whole. */
const maxFound = 1000;

function toValues(entry: string): string[] {
  const at = entry.indexOf('=');
  if (at === -1) return [];
  const value = entry.slice(at + 1);
  const lines = value.split(/\r?\n/);
  const longLines = lines.length === 1 ? [] : lines.filter((line) => line.length >= minAnywhere);
  const [, unquoted = ''] = /^\s*(?:"(.*)"|'(.*)')\s*$/s.exec(value)?.filter(Boolean) ?? [];
  const [, password = ''] = /:\/\/[^/\s:@]*:([^/\s@]+)@/.exec(value) ?? [];
  return [value, unquoted, password, decoded(password), ...longLines]
    .flatMap((each) => [each, each.trim()])
    .filter((each) => each.trim() !== '');
}

/** A short value in another form would be a coincidence more often than a secret. */
function toForms(value: string): string[] {
  if (value.length < minAnywhere) return [value];
  const percent = percentEncoded(value);
  const strict = percent.replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  const bytes = Buffer.from(value);
  return [
    value,
    percent,
    strict,
    strict.replaceAll('%20', '+'),
    percent.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()),
    JSON.stringify(value).slice(1, -1),
    bytes.toString('base64').replace(/=+$/, ''),
    bytes.toString('base64url'),
  ];
}

function percentEncoded(value: string): string {
  try {
    return encodeURIComponent(value);
  } catch {
    return value; // half a surrogate pair has no such form
  }
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

interface Range {
  readonly start: number;
  readonly end: number;
}

function findAll(text: string, word: string): Range[] {
  const found: Range[] = [];
  // One step at a time: a word may overlap itself.
  for (let start = text.indexOf(word); start !== -1; start = text.indexOf(word, start + 1)) {
    if (found.length === maxFound) return [{ start: 0, end: text.length }];
    const range = { start, end: start + word.length };
    if (word.length >= minAnywhere || standsAlone(text, range)) found.push(range);
  }
  return found;
}

const delimiter = /[\s"'`=,;:&|()[\]{}<>@/?#]/;

function standsAlone(text: string, { start, end }: Range): boolean {
  const isEdge = (char: string) => char === '' || delimiter.test(char);
  return isEdge(text.charAt(start - 1)) && isEdge(text.charAt(end));
}

/** How many characters at the end of the text begin the word, when that is enough to tell. */
function cutLength(text: string, word: string): number {
  const beginning = word.slice(0, minAnywhere);
  if (beginning.length < minAnywhere) return 0;
  const tail = text.slice(-word.length);
  for (let at = tail.indexOf(beginning); at !== -1; at = tail.indexOf(beginning, at + 1)) {
    if (word.startsWith(tail.slice(at))) return tail.length - at;
  }
  return 0;
}

/** Words may overlap: what is left of one must not show beside the mask of another. */
function hide(text: string, ranges: readonly Range[]): string {
  let shown = '';
  let done = 0;
  for (const { start, end } of [...ranges].sort((a, b) => a.start - b.start)) {
    if (start > done || (start === done && !shown.endsWith(mask))) {
      shown += text.slice(done, start) + mask;
    }
    done = Math.max(done, end);
  }
  return shown + text.slice(done);
}
