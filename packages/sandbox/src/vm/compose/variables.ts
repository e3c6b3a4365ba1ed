// Variables in compose files: ${NAME}, ${NAME:-default}, ${NAME:?message}, $NAME and $$.

import { readFile } from 'node:fs/promises';
import { parseEnv } from 'node:util';
import { CommandFailure } from '../commands/failure.ts';

type Variables = Readonly<Record<string, string>>;

const pattern = /\$(?:\$|([A-Za-z_]\w*)|\{([A-Za-z_]\w*)(?:(:?[-?+])([^}]*))?\})/g;

/** Replaces variables in every string of a parsed file, keys left alone. Throws `CommandFailure` for a required one that is missing. */
export function interpolate(value: unknown, variables: Variables): unknown {
  if (typeof value === 'string') return replace(value, variables);
  if (Array.isArray(value)) return value.map((each) => interpolate(each, variables));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [name, interpolate(each, variables)]),
  );
}

/** The variables of a file of `NAME=value` lines; none where there is no file. */
export async function readEnvFile(path: string): Promise<Record<string, string>> {
  try {
    return parseEnv(await readFile(path, 'utf8')) as Record<string, string>; // a file gives no undefined
  } catch {
    return {};
  }
}

function replace(text: string, variables: Variables): string {
  return text.replace(pattern, (whole, plain, braced, operator, word = '') => {
    if (whole === '$$') return '$';
    const name: string = plain ?? braced;
    const value = variables[name];
    const isMissing = value === undefined || (operator?.startsWith(':') && value === '');
    switch (operator?.at(-1)) {
      case '-':
        return isMissing ? word : value;
      case '+':
        return isMissing ? '' : word;
      case '?':
        if (isMissing) {
          throw new CommandFailure(`required variable ${name} is missing a value: ${word}`);
        }
        return value;
      default:
        return value ?? '';
    }
  });
}
