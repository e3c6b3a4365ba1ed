// Finds unknown variables with names similar to ours, so that a misspelt one is reported instead of ignored.

import type { Environment } from './read-environment.ts';
import { isSecret, variableNames } from './variables.ts';

/** A line for each, beginning with the name: all that an env file has, and what the process has under one of our prefixes or close to one of our names. */
export function findUnknownVariables(given: {
  readonly file: Environment;
  readonly process: Environment;
}): string[] {
  const fromFile = Object.keys(given.file).filter((name) => !known.has(name));
  const fromProcess = Object.entries(given.process)
    .filter(([name, value]) => Boolean(value) && !known.has(name) && resemblesOurs(name))
    .map(([name]) => name);
  return [...new Set([...fromFile, ...fromProcess])].map((name) => {
    const meant = findClosest(name);
    const hint =
      meant === undefined ? '`ondemand-server --help` lists all' : `did you mean ${meant}?`;
    return `${name}: there is no such variable, so it is ignored; ${hint}`;
  });
}

const names = variableNames.flatMap((name) => (isSecret(name) ? [name, `${name}_FILE`] : [name]));
const known: ReadonlySet<string> = new Set(names);

/** Of these, others use names of their own: OpenSSH's client and server, the OCI CLI and its SDKs, Oracle's database client. */
const prefixes =
  /^(?:OIDC|SSH|OCI|RATE_LIMIT|AUDIT|IDLE|REBUILD|SHUTDOWN|KEEP_ALIVE|METRICS|TRUST|CORS)_/;
const foreign =
  /^(?:SSH_(?:AGENT_|ASKPASS|AUTH_INFO|CLIENT$|CONNECTION$|ORIGINAL_COMMAND$|PKCS11_|SK_|TTY$|USER_AUTH$)|OCI_(?:CLI_|RESOURCE_PRINCIPAL_|SDK_|HOME$|LIB|INC|.*_SERVICE_))/;

function resemblesOurs(name: string): boolean {
  if (foreign.test(name)) return false;
  return prefixes.test(name) || (name.length >= 8 && findClosest(name, 2) !== undefined);
}

function findClosest(name: string, maxDistance = 4): string | undefined {
  const ranked = names
    .filter((each) => Math.abs(each.length - name.length) <= maxDistance)
    .map((each) => ({ each, distance: toDistance(name, each) }))
    .sort((a, b) => a.distance - b.distance);
  const [best] = ranked;
  return best !== undefined && best.distance <= maxDistance ? best.each : undefined;
}

/** Levenshtein's. */
function toDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const substitution = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substitution, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
