// The configuration as a start and a check need it: everything that is wrong with it, at once.

import { findOpenKeys } from '../config/files-readable-by-others.ts';
import { type Environment, readEnvironment } from '../config/read-environment.ts';
import { type Config, isSecret, parseConfig, requireConfig } from '../config/variables.ts';
import { checkEnvironment, findHomeless } from './configuration-problems.ts';

export interface ConfigurationReading {
  /** Undefined while there are problems. */
  readonly config: Config | undefined;
  /** What must be fixed before a start; a line each, beginning with a variable's name. */
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

/** What was set and cannot be used ends the start; a default that cannot, such as `~/.oci/config`, is reported and may appear later. */
export async function readConfiguration(
  process: Environment,
  envFile: string | undefined,
): Promise<ConfigurationReading> {
  const { environment, ...read } = readEnvironment(process, envFile);
  if (environment === undefined)
    return { config: undefined, problems: read.problems, warnings: [] };
  const parsed = parseConfig(environment);
  const homeless = findHomeless(parsed.config);
  const told = new Set([...read.problems, ...parsed.problems, ...homeless].map(toVariable));
  const checked = await checkEnvironment(parsed.config, environment);
  const found = [...homeless, ...checked.filter((problem) => !told.has(toVariable(problem)))]; // what follows from a line that is there is no news
  const wasSet = (problem: string) =>
    toSources(toVariable(problem)).some((name) => environment[name]);
  const problems = [...read.problems, ...parsed.problems, ...found.filter(wasSet)];
  const warnings = [
    ...read.warnings,
    ...(await findOpenKeys(parsed.config)),
    ...found.filter((problem) => !wasSet(problem)),
  ];
  return { config: problems.length > 0 ? undefined : requireConfig(parsed), problems, warnings };
}

/** Which variable a line is about, whether that or its `…_FILE` was given. */
function toVariable(problem: string): string {
  const [name = ''] = problem.split(':', 1);
  const inFile = name.replace(/_FILE$/, '');
  return isSecret(inFile) ? inFile : name;
}

/** Which variables a problem may come from: what a named file lacks is the fault of naming it. */
function toSources(variable: string): string[] {
  if (variable === 'SSH_PRIVATE_KEY_PASSPHRASE') return [variable, 'SSH_PRIVATE_KEY_FILE'];
  const isOfProfile = /^OCI_(CONFIG_PROFILE|REGION|AUTH)$/.test(variable);
  return isOfProfile ? [variable, 'OCI_CONFIG_FILE', 'OCI_CONFIG_PROFILE'] : [variable];
}
