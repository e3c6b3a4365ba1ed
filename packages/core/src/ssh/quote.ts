// An argument vector has to cross a shell to run on the VM; this is the one place that makes it safe.

import { AppError } from '../errors.ts';

/**
 * Joins `argv` into one POSIX shell line that the shell splits back into exactly those parts; every part is quoted, none is interpreted.
 * Throws `BAD_REQUEST` for an empty vector and for a NUL byte, which no argument can carry.
 */
export function quote(argv: readonly string[]): string {
  if (argv.length === 0) {
    throw new AppError('BAD_REQUEST', 'A command needs at least its name; got an empty vector.');
  }
  return argv.map(quotePart).join(' ');
}

/**
 * As `quote`, run through `env` with the given variables set.
 * Throws `BAD_REQUEST` for a name that is not `[A-Za-z_][A-Za-z0-9_]*` and for a command that `env` would take for a variable.
 */
export function quoteWithEnv(
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
): string {
  const entries = Object.entries(env);
  if (entries.length === 0) return quote(argv);
  for (const [name] of entries) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
      throw new AppError(
        'BAD_REQUEST',
        `Not a name for an environment variable: ${JSON.stringify(name)}. Use letters, digits and underscores.`,
      );
    }
  }
  if (argv[0]?.includes('=')) {
    throw new AppError(
      'BAD_REQUEST',
      `A command run with variables may not have '=' in its name: ${JSON.stringify(argv[0])}.`,
    );
  }
  return quote(['env', ...entries.map(([name, value]) => `${name}=${value}`), ...argv]);
}

// Even harmless words are quoted: unquoted, `if`, `a=b` or `~` would mean something in the first place.
function quotePart(part: string): string {
  if (part.includes('\0')) {
    throw new AppError(
      'BAD_REQUEST',
      `A command's argument may not contain a NUL byte; got one at position ${part.indexOf('\0')} of ${part.length}.`,
    );
  }
  return `'${part.replaceAll("'", "'\\''")}'`;
}
