// Asks for confirmation before a disruptive action.

import { createInterface } from 'node:readline/promises';
import { CliError } from '../cli-error.ts';
import { exitCodes } from '../exit-codes.ts';
import type { Streams } from './output.ts';

export interface Question {
  readonly text: string;
  readonly streams: Pick<Streams, 'stdin' | 'stderr'>;
  readonly signal: AbortSignal;
}

/** Returns only on a yes. The question goes to stderr, so stdout may be redirected. Throws `failed` on a no, `interrupted` on Ctrl-C. */
export async function confirm(question: Question): Promise<void> {
  const answer = await ask({ ...question, text: `${question.text} [y/N] ` });
  if (/^y(es)?$/i.test(answer.trim())) return;
  throw new CliError(exitCodes.failed, 'Not confirmed; nothing was done');
}

async function ask({ text, streams, signal }: Question): Promise<string> {
  const reader = createInterface({ input: streams.stdin, output: streams.stderr, terminal: true });
  const closed = new AbortController();
  let interrupted = false;
  reader.on('SIGINT', () => {
    interrupted = true;
    reader.close();
  });
  reader.on('close', () => closed.abort());
  try {
    return await reader.question(text, { signal: AbortSignal.any([signal, closed.signal]) });
  } catch (error) {
    streams.stderr.write('\n');
    if (interrupted || signal.aborted) {
      throw new CliError(exitCodes.interrupted, 'Interrupted; nothing was done', { cause: error });
    }
    return ''; // Ctrl-D: the terminal said nothing, which is no yes
  } finally {
    reader.close();
  }
}
