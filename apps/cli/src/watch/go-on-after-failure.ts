// One of several things that a command does: its failure is told, and the others go on.

import type { Context } from '../command-context.ts';
import { suggestName } from '../command-line/suggest-name.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { toFailure } from '../to-failure.ts';

/** Never throws; 130 once the user has interrupted. */
export async function attempt(
  context: Context,
  what: string,
  work: () => Promise<void>,
): Promise<ExitCode> {
  try {
    await work();
    return context.signal.aborted ? exitCodes.interrupted : exitCodes.done;
  } catch (error) {
    if (context.signal.aborted) return exitCodes.interrupted;
    const failure = await toFailure(error, context.tokenOrigin);
    const meant = await suggestName(error, context);
    context.output.fail({ ...failure, message: `${what}: ${failure.message}${meant}` });
    return failure.exitCode;
  }
}

/** That of the first failure, but an interrupt is what ended all. */
export function toOneExit(exits: readonly ExitCode[]): ExitCode {
  if (exits.includes(exitCodes.interrupted)) return exitCodes.interrupted;
  return exits.find((exit) => exit !== exitCodes.done) ?? exitCodes.done;
}
