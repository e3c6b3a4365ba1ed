// A job's output from any offset, as whole readable lines, each batch with the offset at its end.

import type { JobReading } from '../adapter-ports.ts';
import { badRequest } from '../bad-request.ts';
import type { JobOutput } from '../model/job.ts';
import { createReadableLines } from './readable-output.ts';

export interface OutputWithPosition extends JobOutput {
  /** Everything up to here; fit for `Last-Event-ID`: the offset in bytes. */
  readonly position: string;
}

export interface JobOutputOptions {
  /** Resolves once there is something past the offset, or the job has ended; ends with `leaving`. */
  readonly read: (offset: number) => Promise<JobReading>;
  readonly offset: number;
  readonly secrets: readonly string[];
  readonly signal: AbortSignal | undefined;
  /** Aborted with the signal. */
  readonly leaving: AbortController;
}

/** Ends when the job has ended and all of it was given. Throws what `read` throws. */
export async function* readJobOutput({
  read,
  offset,
  secrets,
  signal,
  leaving,
}: JobOutputOptions): AsyncGenerator<OutputWithPosition, void, void> {
  // The byte before tells whether a line begins here: when it does, skipping the first line skips just that newline.
  let at = Math.max(0, offset - 1);
  const lines = createReadableLines({ offset: at, skipFirst: at < offset, secrets });
  const onAbort = () => leaving.abort(signal?.reason);
  if (signal?.aborted) onAbort();
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    for (;;) {
      const { bytes, done } = await read(at);
      at += bytes.length;
      const ready = lines.add(bytes);
      if (ready !== undefined) yield withPosition(ready);
      if (!done) continue;
      const rest = lines.end();
      if (rest !== undefined) yield withPosition(rest);
      return;
    }
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
}

/** Throws `BAD_REQUEST` for what is no offset. */
export function parseOffset(after: string): number {
  const offset = /^\d{1,16}$/.test(after) ? Number(after) : Number.NaN;
  if (Number.isSafeInteger(offset)) return offset;
  throw badRequest(
    'lastEventId',
    'must be the id of an event of this output, or a number of bytes',
  );
}

function withPosition({ text, offset }: { readonly text: string; readonly offset: number }) {
  return { text, position: String(offset) };
}
