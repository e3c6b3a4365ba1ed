// The last lines of a container's log, exactly as many as asked for, in memory that the log's size does not touch.

import type { LogsOptions } from '../../adapter-ports.ts';
import { maxLogBytes } from '../../model/defaults-limits-timeouts.ts';
import { type CountBytes, type LogText, toLogText } from '../../model/log-text-in-pieces.ts';
import { type EngineReads, toContainerName, toContainerPath } from '../engine/list-and-inspect.ts';
import type { ContainerInspect } from '../engine/schemas.ts';
import { type EngineTask, toAppError } from '../to-app-error.ts';
import { createLogFrames } from './frames.ts';
import { createLogTail, type FinishedTail, slackEntries } from './tail.ts';

/**
 * Builds the reader: the last `lines` lines, or the newest of them that fit in `maxBytes`.
 * Throws `NOT_FOUND`, `CONFLICT` (a log driver that cannot be read) and `SERVICE_UNAVAILABLE`.
 */
export function createEngineLogs({ reads }: { readonly reads: EngineReads }) {
  return async function readLogs(
    container: ContainerInspect,
    { lines, maxBytes = maxLogBytes, countBytes = () => {}, signal }: LogsOptions,
  ): Promise<LogText> {
    let entries = lines + slackEntries;
    for (let attempt = 1; ; attempt += 1) {
      const held = createByteCount(countBytes);
      const request = { container, lines, maxBytes, entries, countBytes: held.add, signal };
      const tail = await readTail(request);
      if (attempt === maxAttempts || isWhole(tail, lines, entries)) {
        if (await isIntact(tail, request)) return toLogText(tail.pieces);
        held.release();
        const exact = await readTail({ ...request, entries: lines, countBytes });
        return toLogText(exact.pieces);
      }
      held.release();
      const perLine = tail.entryCount / Math.max(1, tail.lineCount);
      entries = Math.ceil(Math.max(entries * 4, lines * perLine * 2));
    }
  };

  /**
   * A hard reset can leave zeros in a log file. Docker then leaves out entries behind them, or all, where they are among what
   * was asked for, so that older lines would pass for the last ones. Where fewer came than were asked for, exactly the wanted
   * number is asked for too, as `docker logs -n` does, and given where the log is not intact. To compare, little of it is kept.
   */
  async function isIntact(
    tail: FinishedTail,
    { entries, countBytes, ...request }: TailRequest,
  ): Promise<boolean> {
    if (Math.max(tail.entryCount, tail.lineCount) >= entries) return true;
    const held = createByteCount(countBytes);
    const exact = await readTail({
      ...request,
      entries: request.lines,
      maxBytes: comparedBytes,
      countBytes: held.add,
    });
    held.release();
    return !isDamaged(tail, exact, request.lines);
  }

  async function readTail({
    container,
    lines,
    maxBytes,
    entries,
    countBytes,
    signal,
  }: TailRequest): Promise<FinishedTail> {
    const task: EngineTask = { operation: 'logs', name: toContainerName(container) };
    const isTty = container.Config?.Tty === true;
    const tail = createLogTail({ lines, maxBytes, countBytes });
    const frames = createLogFrames({ onFrame: tail.add });
    const query = new URLSearchParams({
      stdout: '1',
      stderr: '1',
      // A TTY has one stream, already in order; and no frames, so that the parts of a long line could not be told apart.
      timestamps: isTty ? '0' : '1',
      tail: String(entries),
    });
    const answer = await reads.ask(task, `${toContainerPath(container.Id)}/logs?${query}`, {
      signal,
      headersTimeoutMs: 10_000,
      timeoutMs: 30_000,
      onChunk: isTty ? tail.addRaw : frames.push,
    });
    if (answer.status !== 200) throw toAppError(answer, task);
    frames.end();
    return tail.finish();
  }
}

interface TailRequest extends LogsOptions {
  readonly container: ContainerInspect;
  readonly maxBytes: number;
  readonly entries: number;
  readonly countBytes: CountBytes;
}

/** Of the end of a TTY's log, to tell by whether it is intact. */
const comparedBytes = 64 * 1024;

/** Bounds what a log of very long lines costs the engine. */
const maxAttempts = 4;

/** The engine counts a long line part by part, so that N entries can be fewer than N lines: then more have to be asked for. */
function isWhole(tail: FinishedTail, lines: number, entries: number): boolean {
  const isExhausted = tail.entryCount > 0 && tail.entryCount < entries;
  return tail.lineCount > lines || tail.full || !tail.joined || isExhausted;
}

/** True where the last entries of `tail` are not those of `exact`; of a TTY, which has no entries, the last lines. */
function isDamaged(tail: FinishedTail, exact: FinishedTail, lines: number): boolean {
  const { entryCount } = exact;
  if (entryCount < Math.min(lines, tail.entryCount)) return true;
  if (entryCount > 0) return exact.nanosFromEnd(entryCount) !== tail.nanosFromEnd(entryCount);
  if (!exact.joined && exact.lineCount < Math.min(lines, tail.lineCount)) return true;
  const [ours = none, theirs = none] = [tail.pieces.at(-1), exact.pieces.at(-1)];
  const length = Math.min(ours.length, theirs.length);
  if (length === 0) return theirs.length > 0;
  return !ours.subarray(-length).equals(theirs.subarray(-length));
}

const none = Buffer.alloc(0);

/** What one read holds, so that it can be let go as a whole. */
function createByteCount(countBytes: CountBytes) {
  let held = 0;
  return {
    add(bytes: number): void {
      held += bytes;
      countBytes(bytes);
    },
    release(): void {
      countBytes(-held);
      held = 0;
    },
  };
}
