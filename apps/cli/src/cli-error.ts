// Failures detected by the CLI itself, not reported by the API.

import { type ExitCode, exitCodes } from './exit-codes.ts';

/** A failure told to the user as it stands: `message` is one line that says what failed and what to do. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }

  /** Whether trying again is of no use: the client asks it of what its token function throws. */
  get final(): boolean {
    return this.exitCode !== exitCodes.unavailable;
  }
}

/** The user asked in a way that cannot be carried out; exit code 2. */
export function usageError(message: string): CliError {
  return new CliError(exitCodes.usage, message);
}
