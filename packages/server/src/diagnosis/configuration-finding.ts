// The configuration's own check, for an operator who may read all of it, and for callers of the API, who may not.

import type { ConfigurationReading } from '../process/read-configuration.ts';
import type { ConfigurationFinding } from './server-diagnosis.ts';

const name = 'configuration';

/** With the lines themselves, which hold paths. */
export function toOperatorFinding({
  problems,
  warnings,
}: Pick<ConfigurationReading, 'problems' | 'warnings'>): ConfigurationFinding {
  if (problems.length > 0)
    return {
      name,
      status: 'failed',
      message: `The configuration cannot be used: ${problems.join('; ')}`,
      details: { problems: [...problems] },
    };
  if (warnings.length === 0) return { name, status: 'ok', message: 'All variables can be used' };
  return {
    name,
    status: 'ok',
    message: `All variables can be used; worth a look: ${warnings.join('; ')}`,
  };
}

/** With the names of variables alone. */
export function toCallerFinding({
  problems,
}: Pick<ConfigurationReading, 'problems'>): ConfigurationFinding {
  const names = [...new Set(problems.map((line) => /^[A-Z][A-Z_]+/.exec(line)?.[0] ?? 'a file'))];
  if (names.length === 0) return { name, status: 'ok', message: 'All variables can be used' };
  return {
    name,
    status: 'failed',
    message: `The configuration cannot be used any longer (${names.join(', ')}); \`ondemand-server --check\` with the same environment, on the machine of the API, says what is wrong with it`,
    details: { problems: names },
  };
}
