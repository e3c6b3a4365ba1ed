// Reads an env file the way dotenv readers agree on, and refuses what they do not: a variable is never dropped silently.

import { parseEnv } from 'node:util';

export interface EnvFile {
  readonly variables: Readonly<Record<string, string>>;
  /** As Node reads the same file, which may have done so before us: it takes `--env-file` for its own. */
  readonly asNodeReads: Readonly<Record<string, string | undefined>>;
  /** A line each, with the number of the line that is not understood; values are never repeated. */
  readonly problems: readonly string[];
  /** A line each, beginning with the variable's name. */
  readonly warnings: readonly string[];
}

/** Blank lines, `# comments` and `NAME=value`, also behind `export` and with a quoted value over several lines. A byte order mark is cut; the last of two values wins, with a warning. */
export function parseEnvFile(text: string): EnvFile {
  const lines = text.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/);
  const variables: Record<string, string> = {};
  const problems: string[] = [];
  const warnings: string[] = [];
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at] ?? '';
    if (/^\s*(?:#|$)/.test(line)) continue;
    const [, name, value = ''] = assignment.exec(line) ?? [];
    const end = name === undefined ? undefined : findEnd(lines, at, value);
    if (name === undefined || end === undefined) {
      problems.push(toProblem(at + 1, name));
      continue;
    }
    if (
      lines
        .slice(at, end + 1)
        .join()
        .includes('\uFFFD')
    ) {
      problems.push(`line ${at + 1}: the value of ${name} is not text in UTF-8`);
    }
    if (name in variables) {
      warnings.push(
        `${name}: stands in it more than once; the last one, of line ${at + 1}, counts`,
      );
    }
    if (isQuoted(value)) {
      variables[name] = parseEnv(lines.slice(at, end + 1).join('\n'))[name] ?? '';
      at = end;
    } else {
      const bare = value.replace(/(?:^|\s)#.*$/, '').trim();
      variables[name] = bare;
      if (bare.includes('#')) warnings.push(`${name}: ${hashWarning}`);
      if (/^[^=]*=#/.test(line)) warnings.push(`${name}: ${emptyWarning}`);
    }
  }
  return { variables, asNodeReads: parseEnv(text), problems, warnings };
}

const assignment = /^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(.*)$/;
const hashWarning =
  'its value holds a # and no quotes; some readers of env files cut it off there, so quote the value';
const emptyWarning =
  'a # right after the = makes a comment of what follows, so its value is empty; quote the value if it is one';

function isQuoted(value: string): boolean {
  return /^["'`]/.test(value);
}

/** The line on which the value ends; undefined for a quote that is never closed, or that something but a comment follows. */
function findEnd(lines: readonly string[], start: number, value: string): number | undefined {
  if (!isQuoted(value)) return start;
  const quote = value.charAt(0);
  let rest = value.slice(1);
  for (let at = start; at < lines.length; at += 1) {
    if (at > start) rest = lines[at] ?? '';
    const closing = rest.indexOf(quote);
    if (closing >= 0) return /^\s*(?:#.*)?$/.test(rest.slice(closing + 1)) ? at : undefined;
  }
  return undefined;
}

function toProblem(line: number, name: string | undefined): string {
  return name === undefined
    ? `line ${line}: is neither blank, a # comment nor NAME=value`
    : `line ${line}: the quotes around the value of ${name} are not closed, or something follows them`;
}
