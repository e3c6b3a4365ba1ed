// Prints a stream until it ends, the reader has gone, or the user interrupts.

import type { SubscribeOptions } from '@ondemand/client';
import type { Context } from '../command-context.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import type { Output } from '../output/output.ts';
import { formatTime } from '../output/past-time.ts';
import { toReason } from '../to-failure.ts';

export interface Followed<T> {
  /** What is waited for until the stream is open, for the spinner. */
  readonly doing: string;
  readonly subscribe: (options: SubscribeOptions) => AsyncIterable<T>;
  /** For people; under `--json` each item is a document on a line of its own. */
  readonly toText: (item: T) => string;
}

/** 130 after Ctrl-C, without a word, and 0 when nobody reads on, as after `head`; throws what else ended it. Asks for no item before the last one was written. */
export async function follow<T>(
  { output, signal }: Pick<Context, 'output' | 'signal'>,
  { doing, subscribe, toText }: Followed<T>,
): Promise<ExitCode> {
  using wait = showWaits(output, doing);
  await pourAll(
    { output, signal },
    { subscribe: (how) => subscribe({ ...how, ...wait.hooks }), toText },
  );
  return toExit(output, signal);
}

/** The same without saying what is waited for, for one of several; resolves when the user or the reader has left. */
export async function pourAll<T>(
  { output, signal }: Pick<Context, 'output' | 'signal'>,
  { subscribe, toText }: Omit<Followed<T>, 'doing'>,
): Promise<void> {
  const until = AbortSignal.any([signal, output.unread]);
  try {
    for await (const item of subscribe({ signal: until })) {
      await output.pour(item, toText, until);
      if (until.aborted) break;
    }
  } catch (error) {
    if (!until.aborted) throw error;
  }
}

/** How a read-only command ends when the user interrupts it or the reader of its output has gone. */
export function toExit(output: Output, signal: AbortSignal): ExitCode {
  if (!signal.aborted) return exitCodes.done;
  output.endLine();
  return exitCodes.interrupted;
}

export interface WaitDisplay extends Disposable {
  readonly hooks: Required<Pick<SubscribeOptions, 'onOpen' | 'onReconnect'>>;
}

/** Reports a stream that is not open (yet, or any more): by a spinner at once, where none shows in one line once the loss has lasted. `isLong`: what it is about is waited for while it is open, too. */
export function showWaits(
  output: Output,
  doing: string,
  { isLong = false }: { readonly isLong?: boolean } = {},
): WaitDisplay {
  let spinner = output.spin(doing);
  let lostAt: Date | undefined;
  let timer: NodeJS.Timeout | undefined;
  const end = (): void => {
    spinner[Symbol.dispose]();
    clearTimeout(timer);
    timer = undefined;
  };
  return {
    hooks: {
      onOpen() {
        end();
        lostAt = undefined;
        if (isLong) spinner = output.spin(doing);
      },
      onReconnect({ error }) {
        spinner[Symbol.dispose]();
        lostAt ??= new Date();
        const text = `Trying again: ${toReason(error)}; nothing has come since ${formatTime(lostAt)}`;
        spinner = output.spin(text);
        if (!output.spins) timer ??= setTimeout(() => output.warn(text), quietMs);
      },
    },
    [Symbol.dispose]: end,
  };
}

/** A connection that is back within this time is not worth a line. */
const quietMs = 3_000;
