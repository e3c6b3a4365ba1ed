// Redraws something as it changes, until the user interrupts.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from '../command-context.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { toFailure } from '../to-failure.ts';
import { createDisplay } from './display.ts';
import { toExit } from './follow.ts';

export interface Watched<T> {
  /** What is waited for at first, for the spinner. */
  readonly doing: string;
  read(signal: AbortSignal): Promise<T>;
  toText(value: T): string;
  /** Resolves when it is time to read again, or `signal` is aborted. */
  pause(signal: AbortSignal): Promise<void>;
}

/**
 * Repaints in a terminal, and elsewhere prints what has changed. An API, VM or Docker that is lost later on is said and asked again; what else fails, and the first read, throws.
 * Ends with 130 after Ctrl-C, and with 0 when nobody reads on.
 */
export async function watch<T>(context: Context, watched: Watched<T>): Promise<ExitCode> {
  const { output, signal } = context;
  const until = AbortSignal.any([signal, output.unread]);
  using display = createDisplay(output, watched.toText);
  try {
    await display.show(await readFirst(context, watched, until), until);
    for (;;) {
      await watched.pause(until);
      until.throwIfAborted();
      await display.show(await readAgain(watched, { signal: until, lost: display.lost }), until);
    }
  } catch (error) {
    if (!until.aborted) throw error;
    return toExit(output, signal);
  }
}

async function readFirst<T>(
  { output }: Context,
  { doing, read }: Watched<T>,
  signal: AbortSignal,
): Promise<T> {
  using _spinner = output.spin(doing);
  return await read(signal);
}

async function readAgain<T>(
  { read }: Watched<T>,
  { signal, lost }: { readonly signal: AbortSignal; readonly lost: (message: string) => void },
): Promise<T> {
  for (;;) {
    const timer = setTimeout(() => lost('the API has not answered yet'), silentMs);
    try {
      return await read(signal);
    } catch (error) {
      clearTimeout(timer);
      const { exitCode, message } = await toFailure(error);
      if (signal.aborted || exitCode !== exitCodes.unavailable) throw error;
      lost(message);
      await sleep(Math.max(retryMs, toRetryAfterMs(error)), undefined, { signal });
    } finally {
      clearTimeout(timer);
    }
  }
}

const retryMs = 2_000;
/** After this long without an answer the display is marked as old. */
const silentMs = 4_000;
const longestRetryMs = 60_000;

function toRetryAfterMs(error: unknown): number {
  const { details = {} } = error as { details?: { retryAfterSeconds?: unknown } }; // judged as the API's just now
  const seconds = details.retryAfterSeconds;
  return typeof seconds === 'number' ? Math.min(seconds * 1000, longestRetryMs) : 0;
}
