// Keeps the newest lines of a log as bytes outside the JavaScript heap: thousands of strings would cost several times a log's size.

import { disorderSeconds, type LogTime } from '../../model/log-line.ts';
import type { CountBytes } from '../../model/log-text-in-pieces.ts';
import type { LogStream } from './frames.ts';

export interface LineStoreOptions {
  readonly capacity: number;
  readonly maxBytes: number;
  readonly countBytes?: CountBytes | undefined;
}

export interface LineStore {
  /** How many lines came, as far as `capacity` goes. */
  readonly lineCount: number;
  /** True once a line was dropped because of `maxBytes`. */
  readonly full: boolean;
  /** Copies the line; the oldest ones are dropped to make room. */
  push(stream: LogStream, time: LogTime, line: Buffer): void;
  /** Drops the oldest lines until one of `length` bytes has room. */
  reserve(length: number): void;
  /**
   * The last `count` lines as pieces of UTF-8 that end with a line each; each with a newline but perhaps the last.
   * In the order they came, whatever the clock did; only what the engine can have got out of order across the two streams is put in order by time.
   */
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
  const streams: LogStream[] = [];
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
      return Math.min(next, capacity);
    },
    get full() {
      return full;
    },
    push(stream, time, line) {
      reserve(line.length);
      if (next - first === capacity) dropOldest();
      const slab = makeRoom(line.length);
      const at = next % capacity;
      seconds[at] = time.seconds;
      nanos[at] = time.nanos;
      streams[at] = stream;
      starts[at] = slab.used;
      slab.used += line.copy(slab.buffer, slab.used);
      ends[at] = slab.used;
      slab.lines += 1;
      slabs[at] = slab;
      bytes += line.length;
      next += 1;
    },
    reserve,
    read: (count) => toPieces(toOrder().slice(-count)),
  };

  function reserve(length: number): void {
    while (next > first && bytes + length > maxBytes) {
      dropOldest();
      full = true;
    }
  }

  function makeRoom(length: number): Slab {
    if (length > longLineBytes) return createSlab(length);
    if (current !== undefined && current.used + length <= slabBytes) return current;
    current = spare ?? createSlab(slabBytes);
    spare = undefined;
    return current;
  }

  function createSlab(length: number): Slab {
    countBytes(length);
    return { buffer: Buffer.allocUnsafeSlow(length), used: 0, lines: 0 };
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
    if (spare === undefined && slab.buffer.length === slabBytes) spare = slab;
    else countBytes(-slab.buffer.length);
  }

  /** Merges the two streams; neither one's own order is touched. */
  function toOrder(): number[] {
    const queues: Record<LogStream, number[]> = { stdout: [], stderr: [] };
    for (let n = first; n < next; n += 1) queues[streams[n % capacity] ?? 'stdout'].push(n);
    const { stdout, stderr } = queues;
    const order: number[] = [];
    let out = 0;
    let err = 0;
    for (;;) {
      const [a, b] = [stdout[out], stderr[err]];
      if (a === undefined || b === undefined) break;
      const isOut = isBefore(a, b);
      order.push(isOut ? a : b);
      if (isOut) out += 1;
      else err += 1;
    }
    return [...order, ...stdout.slice(out), ...stderr.slice(err)].map((n) => n % capacity);
  }

  function isBefore(a: number, b: number): boolean {
    const [atA, atB] = [a % capacity, b % capacity];
    const apart =
      valueAt(seconds, atA) -
      valueAt(seconds, atB) +
      (valueAt(nanos, atA) - valueAt(nanos, atB)) / 1e9;
    return apart === 0 || Math.abs(apart) > disorderSeconds ? a < b : apart < 0;
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
/** A longer line has a slab of its own size: at the end of one that it shares, more would be left over. */
const longLineBytes = slabBytes / 32;

/** Every index that is asked for was written before. */
function valueAt(values: Float64Array, index: number): number {
  return values[index] ?? 0;
}
