// The engine's log format: frames of an eight-byte header and a payload, cut anywhere by the transport.

import type { AppError } from '../../app-error.ts';
import { vmId } from '../../model/vm.ts';
import { dockerUnavailable } from '../to-app-error.ts';

export type LogStream = 'stdout' | 'stderr';

export interface LogFramesOptions {
  /** Called once a frame is whole; the payload may share memory with the chunk that brought it. */
  readonly onFrame: (stream: LogStream, payload: Buffer) => void;
  readonly maxFrameBytes?: number;
}

/** Both throw `SERVICE_UNAVAILABLE`; a decoder that threw is of no further use. */
export interface LogFrames {
  push(chunk: Buffer): void;
  /** Throws when the bytes ended inside a frame. */
  end(): void;
}

/**
 * Builds a strict incremental decoder: never keeps more than one frame, never allocates by what a header claims.
 * Refuses unknown streams, non-zero padding, frames over `maxFrameBytes`, an end inside a frame, and stream 3 (the daemon's own error).
 * Format: https://docs.docker.com/reference/api/engine/version/v1.51/#tag/Container/operation/ContainerAttach
 */
export function createLogFrames({
  onFrame,
  maxFrameBytes = 16 * 1024 * 1024,
}: LogFramesOptions): LogFrames {
  const header = Buffer.alloc(headerBytes);
  let headerFilled = 0;
  let stream: LogStream = 'stdout';
  let missing = 0;
  let parts: Buffer[] = [];

  return {
    push(chunk) {
      let offset = 0;
      while (offset < chunk.length) {
        offset =
          headerFilled < headerBytes ? takeHeader(chunk, offset) : takePayload(chunk, offset);
      }
    },
    end() {
      if (headerFilled > 0) throw malformed('it ended in the middle of a line');
    },
  };

  function takeHeader(chunk: Buffer, offset: number): number {
    const taken = chunk.copy(header, headerFilled, offset);
    headerFilled += taken;
    if (headerFilled === headerBytes) {
      stream = toStream(header);
      missing = header.readUInt32BE(4);
      if (missing > maxFrameBytes) throw malformed(`it claims a line of ${missing} bytes`);
      if (missing === 0) deliver(Buffer.alloc(0));
    }
    return offset + taken;
  }

  function takePayload(chunk: Buffer, offset: number): number {
    const part = chunk.subarray(offset, offset + missing);
    missing -= part.length;
    if (missing > 0) parts.push(part);
    else deliver(parts.length === 0 ? part : Buffer.concat([...parts, part]));
    return offset + part.length;
  }

  function deliver(payload: Buffer): void {
    headerFilled = 0;
    parts = [];
    onFrame(stream, payload);
  }
}

const headerBytes = 8;

function toStream(header: Buffer): LogStream {
  const [number, ...padding] = header.subarray(0, 4);
  if (padding.some((byte) => byte !== 0)) throw malformed('a line has no valid header');
  // 0 is stdin; Docker's own readers print it to stdout.
  if (number === 0 || number === 1) return 'stdout';
  if (number === 2) return 'stderr';
  if (number === 3) {
    throw dockerUnavailable(
      'DOCKER_FAILED',
      `Docker on ${vmId} failed while it read the log; try again, or look at the Docker daemon on the VM`,
    );
  }
  throw malformed(`a line is of stream ${number}`);
}

function malformed(reason: string): AppError {
  return dockerUnavailable(
    'DOCKER_FAILED',
    `Docker's log from ${vmId} is malformed: ${reason}; try again`,
  );
}
