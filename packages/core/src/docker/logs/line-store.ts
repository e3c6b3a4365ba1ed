// Keeps the newest lines of a log as bytes outside the JavaScript heap: thousands of strings would cost several times a log's size.

import type { LogTime } from '../../model/log-line.ts';
import type { CountBytes } from '../../model/log-text-in-pieces.ts';

export interface LineStoreOptions {
  readonly capacity: number;
  readonly maxBytes: number;
  readonly countBytes?: CountBytes | undefined;
}

export interface LineStore {
  readonly lineCount: number;
  /** True once a line was dropped because of `maxBytes`. */
  readonly full: boolean;
  /** Copies the line; the oldest ones are dropped to make room. */
  push(time: LogTime, line: Buffer): void;
  /** The last `count` lines as pieces of UTF-8 that end with a line each: in the order of their times, those of one time in the order they came; each with a newline but perhaps the last. */
  read(count: number): Buffer[];
}

/** Builds a store that never holds more than `capacity` lines, nor more than `maxBytes` in more than one line. */
export function createLineStore({
  capacity,
  maxBytes,
  countBytes = () => {},
}: LineStoreOptions): LineStore {
  // A ring: line n is at n % capacity.
  const seconds = new Float64Array(capacity);
  const nanos = new Float64Array(capacity);
  const starts = new Float64Array(capacity);
  const ends = new Float64Array(capacity);
  const slabs: (Slab | undefined)[] = Array.from({ length: capacity });
  let first = 0;
  let next = 0;
  let bytes = 0;
  let full = false;
  let current: Slab | undefined;
  let spare: Slab | undefined;

  return {
    get lineCount() {
      return next - first;
    },
    get full() {
      return full;
    },
    push(time, line) {
      while (next > first && bytes + line.length > maxBytes) {
        dropOldest();
        full = true;
      }
      if (next - first === capacity) dropOldest();
      const slab = makeRoom(line.length);
      const at = next % capacity;
      seconds[at] = time.seconds;
      nanos[at] = time.nanos;
      starts[at] = slab.used;
      slab.used += line.copy(slab.buffer, slab.used);
      ends[at] = slab.used;
      slab.lines += 1;
      slabs[at] = slab;
      bytes += line.length;
      next += 1;
    },
    read(count) {
      const order = Array.from({ length: next - first }, (_, n) => (first + n) % capacity);
      return toPieces(order.sort(compareTimes).slice(-count));
    },
  };

  function makeRoom(length: number): Slab {
    if (current !== undefined && current.used + length <= current.buffer.length) return current;
    if (spare !== undefined && length <= spare.buffer.length) {
      current = spare;
      spare = undefined;
    } else {
      countBytes(Math.max(slabBytes, length));
      current = createSlab(length);
    }
    return current;
  }

  function dropOldest(): void {
    const at = first % capacity;
    first += 1;
    bytes -= valueAt(ends, at) - valueAt(starts, at);
    const slab = slabs[at];
    slabs[at] = undefined;
    if (slab === undefined) return;
    slab.lines -= 1;
    if (slab.lines > 0) return;
    slab.used = 0;
    if (slab === current) return;
    if (spare !== undefined) countBytes(-spare.buffer.length);
    spare = slab;
  }

  function compareTimes(a: number, b: number): number {
    return valueAt(seconds, a) - valueAt(seconds, b) || valueAt(nanos, a) - valueAt(nanos, b);
  }

  /** Lines that lie one behind the other make one piece. */
  function toPieces(order: readonly number[]): Buffer[] {
    const pieces: Buffer[] = [];
    for (let n = 0; n < order.length; ) {
      const run = order[n] ?? 0;
      const slab = slabs[run];
      let end = valueAt(ends, run);
      n += 1;
      while (n < order.length && continues(order[n] ?? 0, slab, end)) {
        end = valueAt(ends, order[n] ?? 0);
        n += 1;
      }
      if (slab === undefined) continue;
      pieces.push(slab.buffer.subarray(valueAt(starts, run), end));
      if (n < order.length && slab.buffer[end - 1] !== newline) pieces.push(Buffer.of(newline));
    }
    return pieces;
  }

  function continues(at: number, slab: Slab | undefined, end: number): boolean {
    return (
      slab !== undefined &&
      slabs[at] === slab &&
      valueAt(starts, at) === end &&
      slab.buffer[end - 1] === newline
    );
  }
}

export const newline = 10;

interface Slab {
  readonly buffer: Buffer;
  used: number;
  /** How many kept lines lie in it. */
  lines: number;
}

const slabBytes = 256 * 1024;

function createSlab(atLeast: number): Slab {
  return { buffer: Buffer.allocUnsafeSlow(Math.max(slabBytes, atLeast)), used: 0, lines: 0 };
}

/** Every index that is asked for was written before. */
function valueAt(values: Float64Array, index: number): number {
  return values[index] ?? 0;
}
