// A command line for the shell that sshd runs on the VM: the one place where arguments become text.

import { usageError } from '../cli-error.ts';

/** One line that sh, bash, zsh and fish, and csh but for line breaks, split into exactly these arguments. Throws a usage error for what no argument can hold. */
export function quote(argv: readonly string[]): string {
  return argv.map(quoteArgument).join(' ');
}

/** What means itself in every shell; `=`, `~` and `%` at the start of a word do not. */
const plain = /^[A-Za-z0-9_./:@,+-]+$/;

function quoteArgument(argument: string): string {
  if (argument.includes('\0')) throw usageError('An argument of a command may hold no NUL byte');
  if (plain.test(argument)) return argument;
  // fish has escapes inside its quotes, csh expands `!` there: both stand outside.
  const parts = argument.split(/([\\'!])/).filter((part) => part !== '');
  return parts.map((part) => (/^[\\'!]$/.test(part) ? `\\${part}` : `'${part}'`)).join('') || "''";
}
