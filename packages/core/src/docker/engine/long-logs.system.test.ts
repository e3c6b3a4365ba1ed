// Logs of many megabytes: what is given of them, and how much is held meanwhile.

import { expect, test } from 'vitest';
import { maxLogBytes } from '../../model/defaults-limits-timeouts.ts';
import { startFakeEngine } from '../../testing/fake-engine.test-support.ts';
import { id, running, withBox } from '../../testing/fake-engine-with-one-container.test-support.ts';
import { toEntry, toFrame, toStamp } from '../../testing/log-frames.test-support.ts';
import { entryBytes } from '../logs/tail.ts';
import { createEngine } from './engine.ts';

test('logs() of 40 MB are bounded to the newest that fit', async () => {
  const entry = toEntry(1, 1, `${'l'.repeat(9999)}\n`);
  const tenEntries = Buffer.concat(Array.from({ length: 10 }, () => entry));
  await using fake = await startFakeEngine(
    withBox(running(), (_request, response) => {
      let left = 400;
      const write = () => {
        while (left > 0) {
          left -= 1;
          if (!response.write(tenEntries)) break;
        }
        if (left === 0) response.end();
      };
      response.on('drain', write);
      write();
    }),
  );
  await using engine = createEngine({ ...fake, timeoutMs: 60_000 });
  const byteCount = createPeakCount();
  const log = await engine.logs(id, { lines: 10_000, countBytes: byteCount.add });
  const logs = [...log.pieces()].join('');
  const held = byteCount.held();
  expect(held).toBeGreaterThanOrEqual(logs.length);
  expect(held).toBeLessThan(maxLogBytes + 1024 * 1024);
  expect(byteCount.peak()).toBeLessThan(maxLogBytes + 2 * 1024 * 1024);
  expect(logs.length).toBeLessThanOrEqual(maxLogBytes);
  expect(logs.length).toBeGreaterThan(maxLogBytes - 10_001);
});

const kb = 1000;

/** Each log as the lengths of its lines. */
const longLogs: [name: string, lengths: number[], lines: number][] = [
  ['9 900 lines of 1 kB', Array(9900).fill(kb), 10_000],
  ['3 000 lines of 3.5 kB', Array(3000).fill(3.5 * kb), 10_000],
  ['1 900 lines of 8 kB', Array(1900).fill(8 * kb), 10_000],
  ['600 lines of 17 kB', Array(600).fill(17 * kb), 1000],
  ['80 lines of 140 kB', Array(80).fill(140 * kb), 80],
  ['60 lines of 270 kB', Array(60).fill(270 * kb), 60],
  [
    'long lines and short ones',
    Array.from({ length: 800 }, (_, n) => (n % 2 ? 100 : 30 * kb)),
    900,
  ],
  ['one line of 14 MB', [100, 14_000 * kb], 10],
  ['a line of 9 MB behind 9 MB of lines', [...Array(90).fill(100 * kb), 9000 * kb], 100],
];

test.each(longLogs)(
  'logs() of %s never hold more than an answer may',
  async (_name, lengths, count) => {
    // Docker counts a line's parts of 16 KiB. The streams take turns, so that parts of one line come between those of others.
    const entries = lengths.flatMap((length, line) => {
      const text = Buffer.alloc(length, 'x');
      text.write(`${line} `);
      text.write('\n', length - 1);
      const stamp = (part: Buffer) => Buffer.concat([Buffer.from(`${toStamp(line * 1e6)} `), part]);
      return Array.from({ length: Math.ceil(length / entryBytes) }, (_, part) =>
        toFrame(1 + (line % 2), stamp(text.subarray(part * entryBytes, (part + 1) * entryBytes))),
      );
    });
    await using fake = await startFakeEngine(
      withBox(running(), (request, response) => {
        const tail = Number(new URL(`http://x${request.url}`).searchParams.get('tail'));
        response.end(Buffer.concat(entries.slice(-tail)));
      }),
    );
    await using engine = createEngine({ ...fake, timeoutMs: 60_000 });
    const byteCount = createPeakCount();
    const log = await engine.logs(id, { lines: count, countBytes: byteCount.add });
    let kept = 0;
    let bytes = 0;
    while (kept < lengths.length && bytes + (lengths.at(-1 - kept) ?? 0) <= maxLogBytes) {
      kept += 1;
      bytes += lengths.at(-kept) ?? 0;
    }
    expect(log.bytes).toBe(bytes);
    const [piece] = log.pieces();
    expect(piece?.startsWith(`${lengths.length - kept} `)).toBe(true);
    // The answers of one subject may hold 18 MiB together.
    expect(byteCount.peak()).toBeLessThan(18 * 1024 * 1024);
  },
);

function createPeakCount() {
  let held = 0;
  let peak = 0;
  return {
    add(bytes: number): void {
      held += bytes;
      peak = Math.max(peak, held);
    },
    held: () => held,
    peak: () => peak,
  };
}
