// Everything the configuration is read from: the process's environment, the env file below it, and the files that hold secrets.

import { readFileSync } from 'node:fs';
import { type EnvFile, parseEnvFile } from './env-file.ts';
import { toModeWarnings } from './files-readable-by-others.ts';
import { findUnknownVariables } from './unknown-variables.ts';
import { cutLineEnd, expandHome } from './value-parsers.ts';
import { isSecret, variableNames } from './variables.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface EnvironmentReading {
  /** Undefined where there is no env file of that name: then all that is missing would be told as missing. */
  readonly environment: Environment | undefined;
  /** What must be fixed before a start; a line each that names the variable or the line, never a value. */
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

/** What the process has wins over the file. A secret may stand in a file of its own, which `NAME_FILE` names: a systemd credential, a Docker secret. */
export function readEnvironment(process: Environment, envFile?: string): EnvironmentReading {
  const file = envFile === undefined ? noFile : readEnvFile(envFile);
  if ('problem' in file) return { environment: undefined, problems: [file.problem], warnings: [] };
  const given = { ...file.variables, ...withoutEmpty(process, file.asNodeReads) };
  const secrets = readSecretFiles(given);
  return {
    environment: { ...given, ...secrets.variables },
    problems: [...file.problems, ...secrets.problems],
    warnings: [
      ...file.warnings,
      ...secrets.warnings,
      ...findUnknownVariables({ file: file.variables, process }),
    ],
  };
}

/** An empty variable counts as left out, so it hides nothing of the file. Nor does what Node made of the same file: it cuts a value off at a `#`. */
function withoutEmpty(environment: Environment, asNodeReads: Environment): Environment {
  return Object.fromEntries(
    Object.entries(environment).filter(([name, value]) => value && value !== asNodeReads[name]),
  );
}

const noFile: EnvFile = { variables: {}, asNodeReads: {}, problems: [], warnings: [] };

function readEnvFile(path: string): EnvFile | { readonly problem: string } {
  try {
    const { problems, warnings, ...file } = parseEnvFile(readFileSync(path, 'utf8'));
    const holdsSecret = Object.keys(file.variables).some(isSecret);
    return {
      ...file,
      problems: problems.map((problem) => `--env-file ${path}: ${problem}`),
      warnings: [...warnings, ...(holdsSecret ? toModeWarnings('--env-file', path) : [])],
    };
  } catch (error) {
    return { problem: `--env-file ${path}: cannot be read (${codeOf(error)})` };
  }
}

function readSecretFiles(given: Environment) {
  const variables: Record<string, string> = {};
  const problems: string[] = [];
  const warnings: string[] = [];
  for (const name of variableNames.filter(isSecret)) {
    const fileName = `${name}_FILE`;
    if (!given[fileName]) continue;
    if (given[name]) {
      problems.push(`${fileName}: ${name} is given too; keep one of the two`);
      continue;
    }
    const path = expandHome(given[fileName].trim());
    try {
      const secret = cutLineEnd(readFileSync(path, 'utf8').replace(/^\uFEFF/, ''));
      if (secret === '') problems.push(`${fileName}: ${path} is empty`);
      variables[name] = secret;
      warnings.push(...toModeWarnings(fileName, path));
    } catch (error) {
      problems.push(`${fileName}: ${path} cannot be read (${codeOf(error)})`);
    }
  }
  return { variables, problems, warnings };
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : 'unknown error';
}
