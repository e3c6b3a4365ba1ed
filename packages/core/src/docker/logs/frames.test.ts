// The frame decoder: every split, every lie.

import { expect, test } from 'vitest';
import { isAppError } from '../../app-error.ts';
import { toFrame } from '../../testing/log-frames.test-support.ts';
import { createLogFrames } from './frames.ts';

const sample = Buffer.concat([
  toFrame(1, 'hello\n'),
  toFrame(2, ''),
  toFrame(2, 'wörld 🐳\n'),
  toFrame(0, 'stdin\n'),
  toFrame(1, 'x'.repeat(300)),
]);
const decoded = [
  ['stdout', 'hello\n'],
  ['stderr', ''],
  ['stderr', 'wörld 🐳\n'],
  ['stdout', 'stdin\n'],
  ['stdout', 'x'.repeat(300)],
];

test('frames come out whole when cut in two at every offset', () => {
  for (let cut = 0; cut <= sample.length; cut += 1) {
    expect(decode([sample.subarray(0, cut), sample.subarray(cut)])).toEqual(decoded);
  }
});

test('frames come out whole when they come byte by byte, and all at once', () => {
  expect(decode([...sample].map((byte) => Buffer.of(byte)))).toEqual(decoded);
  expect(decode([sample])).toEqual(decoded);
});

test('frames come out whole whatever the pieces', () => {
  // A small generator with a fixed seed: the same pieces in every run.
  let seed = 1;
  const random = (max: number) => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % max;
  };
  for (let run = 0; run < 300; run += 1) {
    const frames = Array.from({ length: random(20) }, () => ({
      stream: 1 + random(2),
      text: 'é'.repeat(random(40)),
    }));
    const bytes = Buffer.concat(frames.map(({ stream, text }) => toFrame(stream, text)));
    const pieces: Buffer[] = [];
    for (let at = 0; at < bytes.length; ) {
      const end = at + 1 + random(30);
      pieces.push(bytes.subarray(at, end));
      at = end;
    }
    expect(decode(pieces)).toEqual(
      frames.map(({ stream, text }) => [stream === 1 ? 'stdout' : 'stderr', text]),
    );
  }
});

test('an end inside a frame is an error, at every offset but the ends of frames', () => {
  const bytes = Buffer.concat([toFrame(1, 'one\n'), toFrame(2, 'two\n')]);
  for (let cut = 0; cut <= bytes.length; cut += 1) {
    const message = refusal(() => decode([bytes.subarray(0, cut)]));
    if (cut % 12 === 0) expect(message).toBeUndefined();
    else expect(message).toContain('ended in the middle');
  }
});

test.each([
  ['a claim of 4 GiB', Buffer.from([1, 0, 0, 0, 255, 255, 255, 255]), '4294967295 bytes'],
  ['an unknown stream', Buffer.from([7, 0, 0, 0, 0, 0, 0, 1]), 'stream 7'],
  ['text that is no frame', Buffer.from('plain text of a terminal'), 'no valid header'],
  ['padding that is not zero', Buffer.from([1, 0, 9, 0, 0, 0, 0, 1]), 'no valid header'],
  [
    'the daemon saying that it failed',
    toFrame(3, '/var/lib/docker: secret'),
    'failed while it read',
  ],
])('%s is SERVICE_UNAVAILABLE, with DOCKER_FAILED as its reason', (_name, bytes, words) => {
  const message = refusal(() => decode([bytes]));
  expect(message).toContain(words);
  expect(message).not.toContain('secret');
});

test('a frame is refused by its header, before any of it is kept', () => {
  const frames = createLogFrames({ onFrame: () => {}, maxFrameBytes: 10 });
  frames.push(Buffer.from([1, 0, 0, 0, 0, 0, 0]));
  expect(refusal(() => frames.push(Buffer.of(11)))).toContain('11 bytes');
});

function decode(chunks: readonly Buffer[]): string[][] {
  const frames: string[][] = [];
  const decoder = createLogFrames({
    onFrame: (stream, payload) => frames.push([stream, payload.toString()]),
  });
  for (const chunk of chunks) decoder.push(chunk);
  decoder.end();
  return frames;
}

function refusal(run: () => unknown): string | undefined {
  try {
    run();
  } catch (error) {
    if (!isAppError(error, 'SERVICE_UNAVAILABLE')) throw error;
    expect(error.details.reason).toBe('DOCKER_FAILED');
    return error.message;
  }
  return undefined;
}
