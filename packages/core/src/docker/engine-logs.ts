// The last lines of a container's log, exactly as many as asked for, in memory that the log's size does not touch.

import { maxLogBytes } from '../model/container.ts';
import type { CallOptions } from '../ports.ts';
import { type EngineReads, toContainerName, toContainerPath } from './engine-reads.ts';
import type { ContainerInspect } from './engine-schemas.ts';
import { createLogFrames } from './log-frames.ts';
import { createLogTail, type FinishedTail, slackEntries } from './log-tail.ts';
import { type EngineTask, toAppError } from './to-app-error.ts';

/**
 * Builds the reader: the last `lines` lines, or the newest of them that fit in `maxLogBytes`.
 * Throws `NOT_FOUND`, `CONFLICT` (a log driver that cannot be read) and `SERVICE_UNAVAILABLE`.
 */
export function createEngineLogs({ reads }: { readonly reads: EngineReads }) {
  return async function readLogs(
    container: ContainerInspect,
    { lines, signal }: { readonly lines: number } & CallOptions,
  ): Promise<string> {
    let entries = lines + slackEntries;
    for (let round = 1; ; round += 1) {
      const tail = await readTail({ container, lines, entries, signal });
      if (round === maxRounds || isWhole(tail, lines, entries)) return decode(tail);
      const perLine = tail.entryCount / Math.max(1, tail.lineCount);
      entries = Math.ceil(Math.max(entries * 4, lines * perLine * 2));
    }
  };

  async function readTail({
    container,
    lines,
    entries,
    signal,
  }: TailRequest): Promise<FinishedTail> {
    const task: EngineTask = { operation: 'logs', name: toContainerName(container) };
    const isTty = container.Config?.Tty === true;
    const tail = createLogTail({ lines, maxBytes: maxLogBytes });
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

/** Piece by piece: as one buffer the log would be in memory once more. */
function decode({ pieces }: FinishedTail): string {
  let text = '';
  for (const piece of pieces) text += piece.toString('utf8');
  return text;
}

interface TailRequest extends CallOptions {
  readonly container: ContainerInspect;
  readonly lines: number;
  readonly entries: number;
}

/** Bounds what a log of very long lines costs the engine. */
const maxRounds = 4;

/** The engine counts a long line part by part, so that N entries can be fewer than N lines: then more have to be asked for. */
function isWhole(tail: FinishedTail, lines: number, entries: number): boolean {
  const isExhausted = tail.entryCount > 0 && tail.entryCount < entries;
  return tail.lineCount > lines || tail.full || !tail.joined || isExhausted;
}
