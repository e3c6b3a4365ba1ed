// The command line of `docker compose` and `docker-compose`, as far as the sandbox speaks it.

import { resolve } from 'node:path';
import { CommandFailure } from '../commands/failure.ts';

export interface ComposeArguments {
  readonly projectName: string | undefined;
  readonly projectDirectory: string | undefined;
  /** Absolute; empty for the default files. */
  readonly files: readonly string[];
  /** The same as they were given. */
  readonly fileNames: readonly string[];
  readonly command: string;
  /** Flags of the command, without their dashes. */
  readonly flags: ReadonlySet<string>;
  readonly services: readonly string[];
  /** How many containers each service is to have, by `--scale`. */
  readonly scales: ReadonlyMap<string, number>;
}

const globalValues = new Set([
  '--ansi',
  '--progress',
  '--profile',
  '--env-file',
  '--parallel',
  '-c',
]);
const aliases: Readonly<Record<string, string>> = { '-p': '--project-name', '-f': '--file' };
const commandValues = new Set([
  '-t',
  '--timeout',
  '--format',
  '--scale',
  '--pull',
  '--wait-timeout',
]);

/** Reads `--flag value`, `--flag=value` and short flags. Throws `CommandFailure` for what compose would not know. */
export function parseComposeArguments(argv: readonly string[], cwd: string): ComposeArguments {
  let projectName: string | undefined;
  let projectDirectory: string | undefined;
  const fileNames: string[] = [];
  const rest = [...argv];
  while (rest[0]?.startsWith('-')) {
    const [given = '', inline] = splitFlag(rest.shift() ?? '');
    const flag = aliases[given] ?? given;
    if (flag === '--version' || flag === '-v') return bare('version');
    if (flag === '--help' || flag === '-h') return bare('help');
    const known = ['--project-name', '--file', '--project-directory'].includes(flag);
    if (!known && !globalValues.has(flag)) {
      if (['--verbose', '--compatibility', '--all-resources', '--dry-run'].includes(flag)) continue;
      throw new CommandFailure(`unknown flag: ${flag}`, 16);
    }
    const value = inline ?? rest.shift();
    if (value === undefined) throw new CommandFailure(`flag needs an argument: ${flag}`, 16);
    if (flag === '--project-name') projectName = value;
    if (flag === '--project-directory') projectDirectory = resolve(cwd, value);
    if (flag === '--file') fileNames.push(value);
  }
  const command = rest.shift() ?? 'help';
  const flags = new Set<string>();
  const services: string[] = [];
  const scales = new Map<string, number>();
  while (rest.length > 0) {
    const word = rest.shift() ?? '';
    if (word === '--') {
      services.push(...rest.splice(0));
    } else if (word.startsWith('-')) {
      const [flag, inline] = splitFlag(word);
      flags.add(flag.replace(/^-+/, ''));
      if (!commandValues.has(flag)) continue;
      const value = inline ?? rest.shift() ?? '';
      const [service = '', count] = splitFlag(value);
      if (flag === '--scale') scales.set(service, Number(count));
    } else {
      services.push(word);
    }
  }
  const files = fileNames.map((name) => resolve(cwd, name));
  return { projectName, projectDirectory, files, fileNames, command, flags, services, scales };
}

function splitFlag(word: string): [string, string | undefined] {
  const equals = word.indexOf('=');
  return equals === -1 ? [word, undefined] : [word.slice(0, equals), word.slice(equals + 1)];
}

function bare(command: string): ComposeArguments {
  return {
    projectName: undefined,
    projectDirectory: undefined,
    files: [],
    fileNames: [],
    command,
    flags: new Set(),
    services: [],
    scales: new Map(),
  };
}
