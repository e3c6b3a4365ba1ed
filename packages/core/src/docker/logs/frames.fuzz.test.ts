// A log's bytes, cut anywhere: the same lines, and for what is no log a refusal and no crash.

import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { isAppError } from '../../app-error.ts';
import { cuts, toPieces } from '../../testing/cut-into-chunks.test-support.ts';
import { often } from '../../testing/fuzz-size.test-support.ts';
import { toEntry, toFrame, toStamp } from '../../testing/log-frames.test-support.ts';
import { createLogFrames } from './frames.ts';
import { createLogLines } from './lines.ts';
import { createLogTail } from './tail.ts';

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom('', '\r', 'é', '🐳', '\ud800', '\0', '2026-01-02T03:04:05Z x', ' ', '\u2028'),
);

const line = fc.record({
  stream: fc.constantFrom(1, 2),
  text: text.map((each) => each.replaceAll('\n', '')),
});

test('whole entries come out as the lines that they are, wherever they are cut', () => {
  fc.assert(
    fc.property(fc.array(line, { maxLength: 20 }), cuts, (lines, shares) => {
      const bytes = Buffer.concat(
        lines.map((each, index) => toEntry(each.stream, index, `${each.text}\n`)),
      );
      const found = readLines(toPieces(bytes, shares), false);
      expect(found.map(({ line: shown, stream }) => [stream, shown])).toEqual(
        lines.map((each) => [each.stream === 1 ? 'stdout' : 'stderr', wellFormed(each.text)]),
      );
      expect(found.map(({ at }) => at.nanos)).toEqual(lines.map((_, index) => index));
    }),
    often(),
  );
});

test('a terminal’s lines come out as they are, wherever they are cut', () => {
  const shown = text.map((each) => each.replaceAll(/[\r\n]/g, ''));
  fc.assert(
    fc.property(fc.array(shown, { maxLength: 20 }), cuts, (lines, shares) => {
      const log = lines.map((each, index) => `${toStamp(index)} ${each}\r\n`).join('');
      const found = readLines(toPieces(Buffer.from(log), shares), true);
      expect(found.map((each) => each.line)).toEqual(lines.map(wellFormed));
    }),
    often(),
  );
});

test('the last lines are the same, wherever their entries are cut', () => {
  fc.assert(
    fc.property(
      fc.array(line, { maxLength: 20 }),
      fc.integer({ min: 1, max: 30 }),
      cuts,
      (lines, count, shares) => {
        const tail = createLogTail({ lines: count, maxBytes: 1_000_000 });
        const frames = createLogFrames({ onFrame: (stream, entry) => tail.add(stream, entry) });
        const bytes = Buffer.concat(
          lines.map((each, index) => toEntry(each.stream, index, `${each.text}\n`)),
        );
        for (const piece of toPieces(bytes, shares)) frames.push(piece);
        expect(Buffer.concat(tail.finish().pieces).toString()).toBe(
          lines
            .slice(-count)
            .map((each) => `${wellFormed(each.text)}\n`)
            .join(''),
        );
      },
    ),
    often(),
  );
});

test('whatever the clock does, the lines of a stream stay in their order, and all are there', () => {
  const clock = fc.constantFrom(0, 1, 1e6, 1e9, 2e9, 3600e9);
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), clock), { maxLength: 20 }), (entries) => {
      const tail = createLogTail({ lines: 20, maxBytes: 1_000_000 });
      for (const [index, [isOut, nanos]] of entries.entries()) {
        tail.add(
          isOut ? 'stdout' : 'stderr',
          Buffer.from(`${toStamp(nanos)} ${isOut ? 'out' : 'err'} ${index}\n`),
        );
      }
      const found = Buffer.concat(tail.finish().pieces).toString().split('\n').slice(0, -1);
      const sorted = found.toSorted((a, b) => Number(a.slice(4)) - Number(b.slice(4)));
      expect(sorted).toHaveLength(entries.length);
      for (const name of ['out', 'err']) {
        const of = (lines: string[]) => lines.filter((each) => each.startsWith(name));
        expect(of(found)).toEqual(of(sorted));
      }
    }),
    often(),
  );
});

test('any bytes give lines or SERVICE_UNAVAILABLE, the same wherever they are cut', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    fc
      .tuple(fc.constantFrom(0, 1, 2, 3, 4, 255), text, fc.nat(20))
      .map(([stream, payload, cut]) => {
        const frame = toFrame(stream, payload);
        return frame.subarray(0, Math.max(0, frame.length - cut));
      }),
  );
  fc.assert(
    fc.property(fc.array(bytes, { maxLength: 5 }), cuts, fc.boolean(), (parts, shares, tty) => {
      const whole = Buffer.concat(parts);
      const read = (pieces: readonly Buffer[]) => {
        try {
          return readLines(pieces, tty);
        } catch (error) {
          if (!isAppError(error, 'SERVICE_UNAVAILABLE')) throw error;
          return error.message;
        }
      };
      expect(read(toPieces(whole, shares))).toEqual(read([whole]));
    }),
    often(),
  );
});

function readLines(pieces: readonly Buffer[], tty: boolean) {
  const lines = createLogLines({ tty });
  return [...pieces.flatMap((piece) => lines.push(piece)), ...lines.end()];
}

/** As UTF-8 has it. */
function wellFormed(given: string): string {
  return Buffer.from(given).toString();
}
