// An argument vector has to cross the SSH user's login shell to run on the VM; only this file makes it safe.

import { AppError } from '../../app-error.ts';

/**
 * Joins `argv` into words that every login shell (sh, bash, zsh, fish, csh) passes on as they are, to the script of `command-line.ts` that decodes them.
 * A word begins with `p` where the argument is plain, with `e` where it is encoded for `printf %b`: csh expands `!` and takes no newline in quotes, fish has escapes there.
 * Throws `BAD_REQUEST` for an empty vector and for a NUL byte, which no argument can carry.
 */
export function quote(argv: readonly string[]): string {
  if (argv.length === 0) {
    throw new AppError('BAD_REQUEST', 'A command needs at least its name; got an empty vector.');
  }
  return argv.map(quotePart).join(' ');
}

/** What turns those words back: for the beginning of a `sh` script, whose positional parameters then are the arguments. */
export const unquoteScript = [
  'for _a do shift',
  `case $_a in e*) _a=$(printf %bx "\${_a#e}"); _a=\${_a%x};; *) _a=\${_a#p};; esac`,
  'set -- "$@" "$_a"',
  'done',
  'unset _a',
].join('; ');

/**
 * The vector that runs `argv` through `env` with the given variables set.
 * Throws `BAD_REQUEST` for a name that is not `[A-Za-z_][A-Za-z0-9_]*` and for a command that `env` would take for a variable.
 */
export function withEnv(
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
): readonly string[] {
  const entries = Object.entries(env);
  if (entries.length === 0) return argv;
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
  return ['env', ...entries.map(([name, value]) => `${name}=${value}`), ...argv];
}

// Every word is in single quotes, where these characters mean themselves in all of the shells.
const plain = /^[ "#-&(-[\]-~]*$/;

function quotePart(part: string): string {
  if (part.includes('\0')) {
    throw new AppError(
      'BAD_REQUEST',
      `A command's argument may not contain a NUL byte; got one at position ${part.indexOf('\0')} of ${part.length}.`,
    );
  }
  return plain.test(part) ? `'p${part}'` : `'e${encode(part)}'`;
}

function encode(part: string): string {
  return [...Buffer.from(part, 'utf8')]
    .map((byte) => {
      const character = String.fromCharCode(byte);
      if (plain.test(character)) return character;
      return character === '\n' ? '\\n' : `\\0${byte.toString(8).padStart(3, '0')}`;
    })
    .join('');
}
