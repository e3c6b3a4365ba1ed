// A reader who comes back with the position of any line gets what comes after it, once; any other text is no position.

import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { StampedLine } from '../adapter-ports.ts';
import { compareTimes, type LogTime } from '../model/log-line.ts';
import { often } from '../testing/fuzz-size.test-support.ts';
import { createLogCursor, type LogCursor, parsePosition } from './cursor.ts';

const log: fc.Arbitrary<StampedLine[]> = fc
  .array(
    fc.record({
      stream: fc.constantFrom('stdout' as const, 'stderr' as const),
      afterNanos: fc.constantFrom(0, 0, 1, 1_000_000, 999_999_999, 3_600_000_000_000),
    }),
    { maxLength: 25 },
  )
  .map((given) => {
    let nanos = 1_770_000_000n * 1_000_000_000n;
    return given.map(({ stream, afterNanos }, index) => {
      nanos += BigInt(afterNanos);
      const at = { seconds: Number(nanos / 1_000_000_000n), nanos: Number(nanos % 1_000_000_000n) };
      return { line: `line ${index}`, stream, at };
    });
  });

test('whoever comes back, however often, gets every line once', () => {
  fc.assert(
    fc.property(log, fc.array(fc.nat(25), { maxLength: 4 }), (lines, stops) => {
      const got: string[] = [];
      let position: string | undefined;
      for (const stop of [...stops, lines.length]) {
        const state = position === undefined ? undefined : parsePosition(position);
        if (position !== undefined) expect(state, position).toBeDefined();
        const cursor = createLogCursor({ tail: 'all', ...(state && { state }) });
        const fresh = cursor.take(answer(lines, cursor)).slice(0, stop);
        got.push(...fresh.map(({ line }) => line));
        position = fresh.at(-1)?.position ?? position;
        if (position !== undefined) expect(position.length).toBeLessThanOrEqual(128);
      }
      expect(got).toEqual(lines.map(({ line }) => line));
    }),
    often(),
  );
});

test('whoever was away while the clock was set back by a second gets every line once', () => {
  fc.assert(
    fc.property(log, fc.nat(25), (lines, stop) => {
      const before = lines.slice(0, stop);
      const reader = createLogCursor({ tail: 'all' });
      reader.ask();
      reader.take(before);
      const after = lines.slice(stop).map((line) => ({ ...line, at: setBack(line.at, 1) }));
      const state = parsePosition(reader.position());
      const cursor = createLogCursor({ tail: 'all', ...(state && { state }) });
      expect(cursor.take(answer([...before, ...after], cursor)).map(({ line }) => line)).toEqual(
        after.map(({ line }) => line),
      );
    }),
    often(),
  );
});

test('whoever reads while the clock is set back and then loses the connection gets every line once', () => {
  fc.assert(
    fc.property(log, fc.nat(25), fc.nat(25), fc.constantFrom(1, 3600), (lines, set, more, by) => {
      const all = lines.map(({ at, ...line }, index) => {
        return { ...line, at: index < set ? at : setBack(at, by) };
      });
      const stop = set + 1 + more;
      const rest = all.slice(stop).map(({ line }) => line);
      const cursor = createLogCursor({ tail: 'all' });
      cursor.ask();
      cursor.take(all.slice(0, stop));
      const state = parsePosition(cursor.position());
      expect(cursor.take(answer(all, cursor)).map(({ line }) => line)).toEqual(rest);
      // By a position that a client brought, some lines may come again.
      const resumed = createLogCursor({ tail: 'all', ...(state && { state }) });
      const got = resumed.take(answer(all, resumed)).map(({ line }) => line);
      expect(got).toEqual(expect.arrayContaining(rest));
    }),
    often(),
  );
});

test('any text is a position that leads to a question Docker can be asked, or none', () => {
  const text = fc.oneof(
    fc.string(),
    fc.string({ unit: fc.constantFrom(...'l1:.z0a9'), maxLength: 40 }),
    fc
      .array(fc.constantFrom('', 'zzzzzzzz.zzzzzz', '0.0', 'a.gjdgxr', '1.1.zzzzzzzz'), {
        minLength: 3,
        maxLength: 4,
      })
      .map((parts) => `l1:${parts.join(':')}`),
  );
  fc.assert(
    fc.property(text, log, (given, lines) => {
      const state = parsePosition(given);
      if (state === undefined) return;
      const cursor = createLogCursor({ tail: 'all', state });
      const { since } = cursor.ask();
      if (since !== undefined) {
        expect(Number.isSafeInteger(since.seconds)).toBe(true);
        expect(since.nanos).toBeLessThan(1e9);
      }
      cursor.take(lines);
      expect(parsePosition(cursor.position())).toBeDefined();
    }),
    often(),
  );
});

/** As the engine gives it. */
function answer(lines: readonly StampedLine[], cursor: LogCursor): StampedLine[] {
  const { since } = cursor.ask();
  return lines.filter(({ at }) => since === undefined || compareTimes(at, since) >= 0);
}

/** By so many seconds, and as much that no time comes again to the nanosecond. */
function setBack({ seconds, nanos }: LogTime, by: number): LogTime {
  const borrowed = nanos < 500 ? 1 : 0;
  return { seconds: seconds - by - borrowed, nanos: nanos - 500 + borrowed * 1e9 };
}
