// Keeps the wanted parts of a JSON text that comes in pieces: what is not wanted is never held, however big it is.

/** `true`: the whole value. An object: the members named, of an object or of each object in an array. A function: which members of a map of texts, within `maxMapBytes`. */
export type Wanted = true | { readonly [key: string]: Wanted } | ((key: string) => boolean);

export interface JsonFilterOptions {
  readonly wanted: Wanted;
  /** Of each map; members that do not fit are left out, and one named `…` says how many. */
  readonly maxMapBytes?: number;
  /** Of all that is kept; more is an error. */
  readonly maxBytes?: number;
}

export interface JsonFilter {
  /** Throws `JsonTooLargeError`. */
  push(chunk: Buffer): void;
  /** What is left of the text: no JSON where the text was none. */
  end(): string;
}

export class JsonTooLargeError extends Error {
  override readonly name = 'JsonTooLargeError';
}

interface Container {
  readonly wanted: Wanted;
  readonly isMap: boolean;
  readonly isObject: boolean;
  isEmpty: boolean;
  /** What its members take. */
  bytes: number;
  leftOut: number;
}

interface Member {
  readonly isKept: boolean;
  /** Where `kept` was before it. */
  readonly pieces: number;
  readonly bytes: number;
}

export function createJsonFilter({
  wanted,
  maxMapBytes = 64 * 1024,
  maxBytes = 16 * 1024 * 1024,
}: JsonFilterOptions): JsonFilter {
  const kept: Buffer[] = [];
  const containers: Container[] = [];
  let keptBytes = 0;
  /** The key that is being read, or that stands before the next value. */
  let key: Buffer[] | undefined;
  let isInKey = false;
  let next: Wanted | undefined = wanted;
  /** The value that is being copied or skipped. */
  let value: Member | undefined;
  let depth = 0;
  let isInString = false;
  let isEscaped = false;

  return {
    push(chunk) {
      for (let at = 0; at < chunk.length; ) {
        if (isInKey) at = readKey(chunk, at);
        else if (value !== undefined) at = readValue(chunk, at);
        else at = readStructure(chunk, at);
      }
    },
    end: () => Buffer.concat(kept).toString('utf8'),
  };

  function readStructure(chunk: Buffer, at: number): number {
    const byte = chunk[at] ?? 0;
    const container = containers.at(-1);
    if (byte === space || byte === newline || byte === carriageReturn || byte === tab)
      return at + 1;
    if (byte === closeObject || byte === closeArray) {
      close(byte);
      return at + 1;
    }
    if (byte === comma) {
      if (container === undefined) keep(Buffer.of(byte)); // no JSON
      next = container?.isObject ? undefined : container?.wanted;
      return at + 1;
    }
    if (container?.isObject && key === undefined) {
      isInKey = byte === quote;
      if (isInKey) key = [];
      else keep(Buffer.of(byte)); // no JSON, as its reader will find
      return at + 1;
    }
    if (byte === colon && container?.isObject) return at + 1;
    if (next !== undefined && next !== true && (byte === openObject || byte === openArray)) {
      open(byte, next);
      return at + 1;
    }
    value = beginMember(next !== undefined);
    depth = 0;
    return at;
  }

  function open(byte: number, inner: Exclude<Wanted, true>): void {
    beginMember(true);
    keep(Buffer.of(byte));
    const isObject = byte === openObject;
    const isMap = isObject && typeof inner === 'function';
    containers.push({ wanted: inner, isMap, isObject, isEmpty: true, bytes: 0, leftOut: 0 });
    next = isObject ? undefined : inner;
    key = undefined;
  }

  function close(byte: number): void {
    if (key !== undefined) beginMember(true); // a key without a value: no JSON
    const container = containers.pop();
    if (container !== undefined && container.leftOut > 0)
      keep(
        Buffer.from(
          `${container.isEmpty ? '' : ','}"…":"${container.leftOut} more, which are too big to be shown"`,
        ),
      );
    keep(Buffer.of(byte));
    endMember();
  }

  /** Writes what stands before a value: a comma, and in an object its key. */
  function beginMember(isKept: boolean): Member {
    const container = containers.at(-1);
    const member = { isKept, pieces: kept.length, bytes: keptBytes };
    if (!isKept) return member;
    if (container !== undefined && !container.isEmpty) keep(Buffer.of(comma));
    if (container !== undefined) container.isEmpty = false;
    if (key !== undefined) keep(Buffer.from(`"${Buffer.concat(key).toString('utf8')}":`));
    return member;
  }

  function endMember(): void {
    key = undefined;
    value = undefined;
    next = undefined;
  }

  function readKey(chunk: Buffer, start: number): number {
    for (let at = start; at < chunk.length; at += 1) {
      const byte = chunk[at];
      if (isEscaped) isEscaped = false;
      else if (byte === backslash) isEscaped = true;
      else if (byte === quote) {
        keepKey(chunk.subarray(start, at));
        isInKey = false;
        next = judge(Buffer.concat(key ?? []).toString('utf8'));
        return at + 1;
      }
    }
    keepKey(chunk.subarray(start));
    return chunk.length;
  }

  /** One past all bounds is the key of nothing that is wanted. */
  function keepKey(piece: Buffer): void {
    const bytes = key?.reduce((sum, { length }) => sum + length, 0) ?? 0;
    if (bytes <= maxKeyBytes) key?.push(Buffer.from(piece.subarray(0, maxKeyBytes + 1)));
  }

  function judge(name: string): Wanted | undefined {
    const container = containers.at(-1);
    if (container === undefined || container.wanted === true) return undefined;
    if (typeof container.wanted !== 'function')
      return Object.hasOwn(container.wanted, name) ? container.wanted[name] : undefined;
    if (!container.wanted(name)) return undefined;
    if (Buffer.byteLength(name) <= maxKeyBytes && container.bytes <= maxMapBytes) return true;
    container.leftOut += 1;
    return undefined;
  }

  /** To the end of the value, which an array, an object and a text say themselves, and all else by what follows it. */
  function readValue(chunk: Buffer, start: number): number {
    let at = start;
    let isOver = false;
    while (at < chunk.length && !isOver) {
      if (isInString && !isEscaped) at = skipPlainText(chunk, at);
      const byte = chunk[at];
      if (isInString) {
        if (isEscaped) isEscaped = false;
        else if (byte === backslash) isEscaped = true;
        else if (byte === quote) {
          isInString = false;
          isOver = depth === 0;
        }
      } else if (byte === quote) isInString = true;
      else if (byte === openObject || byte === openArray) depth += 1;
      else if (byte === closeObject || byte === closeArray) {
        if (depth === 0) return endValue(chunk, start, at);
        depth -= 1;
        isOver = depth === 0;
      } else if (byte === comma && depth === 0) return endValue(chunk, start, at);
      at += 1;
    }
    if (isOver) return endValue(chunk, start, at);
    keepValue(chunk.subarray(start));
    return chunk.length;
  }

  function endValue(chunk: Buffer, start: number, end: number): number {
    keepValue(chunk.subarray(start, end));
    const map = containers.at(-1);
    if (map?.isMap && value?.isKept) map.bytes += keptBytes - value.bytes;
    endMember();
    return end;
  }

  function keepValue(piece: Buffer): void {
    if (value?.isKept !== true) return;
    keep(Buffer.from(piece)); // as a part of the chunk it would keep all of that
    const map = containers.at(-1);
    if (!map?.isMap || map.bytes + keptBytes - value.bytes <= maxMapBytes) return;
    kept.length = value.pieces;
    keptBytes = value.bytes;
    map.isEmpty = map.bytes === 0;
    map.leftOut += 1;
    value = { ...value, isKept: false };
  }

  function keep(piece: Buffer): void {
    kept.push(piece);
    keptBytes += piece.length;
    if (keptBytes > maxBytes) throw new JsonTooLargeError(`more than ${maxBytes} bytes are wanted`);
  }
}

/** A loop of its own, for it is what most bytes of a big text pass through. */
function skipPlainText(chunk: Buffer, start: number): number {
  let at = start;
  while (at < chunk.length && chunk[at] !== quote && chunk[at] !== backslash) at += 1;
  return at;
}

const maxKeyBytes = 4096;

const tab = 9;
const newline = 10;
const carriageReturn = 13;
const space = 32;
const quote = 34;
const comma = 44;
const colon = 58;
const openArray = 91;
const backslash = 92;
const closeArray = 93;
const openObject = 123;
const closeObject = 125;
