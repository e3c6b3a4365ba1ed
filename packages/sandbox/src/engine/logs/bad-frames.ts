// Log streams as a broken daemon or proxy would send them, for the fault `badFrames`.

import { Buffer } from 'node:buffer';
import type { DockerFaults } from '../../faults.ts';
import { toFrame } from './log-stream.ts';

type BadFrames = NonNullable<DockerFaults['badFrames']>;

/** The first frame as it is, then what the fault says, then the end. */
export async function* spoilFrames(
  source: AsyncIterable<Uint8Array | string> | Iterable<Uint8Array | string>,
  how: BadFrames,
): AsyncGenerator<Uint8Array> {
  if (how === 'split') {
    for await (const part of source) {
      for (const byte of Buffer.from(part)) yield Buffer.from([byte]);
    }
    return;
  }
  for await (const part of source) {
    yield Buffer.from(part);
    break;
  }
  yield spoiled(how);
}

function spoiled(how: Exclude<BadFrames, 'split'>): Buffer {
  const frame = toFrame('stdout', Buffer.from('cut short'));
  switch (how) {
    case 'daemon-error':
      return toFrame(3, Buffer.from('error from daemon in stream: unexpected EOF'));
    case 'unknown-stream':
      return toFrame(9, Buffer.from('?'));
    case 'oversize':
      frame.writeUInt32BE(0xffff_ffff, 4);
      return frame;
    case 'truncated':
      return frame.subarray(0, 12);
  }
}
