// Finds the JSON objects in a stream of them, which the transport cuts anywhere: one a line, or one right after the other.

export interface JsonObjectsOptions {
  /** Of one object; a longer one is skipped. */
  readonly maxBytes: number;
  /** Takes the text of an object whose braces match; whether it is JSON is not known yet. */
  readonly onObject: (text: string) => void;
}

/** Builds the finder. Whatever stands between objects is skipped; a line's end always ends an object, so that a broken one costs no other. */
export function createJsonObjects({ maxBytes, onObject }: JsonObjectsOptions) {
  let pieces: Buffer[] = [];
  let bytes = 0;
  let depth = 0;
  let inString = false;
  let escaped = false;

  const reset = () => {
    pieces = [];
    bytes = 0;
    depth = 0;
    inString = false;
    escaped = false;
  };
  const keep = (piece: Buffer) => {
    bytes += piece.length;
    if (bytes <= maxBytes) pieces.push(Buffer.from(piece));
    else pieces = [];
  };
  const finish = (piece: Buffer) => {
    keep(piece);
    const text = bytes <= maxBytes ? Buffer.concat(pieces).toString('utf8') : undefined;
    reset();
    if (text !== undefined) onObject(text);
  };

  /** `true` when the byte is the last of an object. */
  const step = (byte: number): boolean => {
    if (inString) {
      if (escaped) escaped = false;
      else if (byte === backslash) escaped = true;
      else if (byte === quote) inString = false;
    } else if (byte === quote) inString = depth > 0;
    else if (byte === open) depth += 1;
    else if (byte === close && depth > 0) {
      depth -= 1;
      return depth === 0;
    }
    return false;
  };

  return {
    push(chunk: Buffer): void {
      let start = 0;
      for (const [at, byte] of chunk.entries()) {
        if (byte === newline) {
          reset();
          start = at + 1;
          continue;
        }
        const wasOutside = depth === 0;
        const isEnd = step(byte);
        if (wasOutside) start = at;
        if (!isEnd) continue;
        finish(chunk.subarray(start, at + 1));
        start = at + 1;
      }
      if (depth > 0) keep(chunk.subarray(start));
    },
  };
}

const newline = 10;
const quote = 34;
const backslash = 92;
const open = 123;
const close = 125;
