// Files with secrets that others on this machine may read: a warning each, with the chmod that fixes it.

import { statSync } from 'node:fs';
import { listOciSecretFiles } from '@ondemand/core';
import type { Config } from './variables.ts';

/** The keys and tokens that the configuration names. Whether there are such files at all is judged with what is in them. */
export async function findOpenKeys(config: Partial<Config>): Promise<string[]> {
  const { SSH_PRIVATE_KEY_FILE: sshKey, OCI_AUTH: auth } = config;
  const ociFiles =
    auth === undefined || auth === 'instance_principal'
      ? []
      : await listOciSecretFiles({
          auth,
          configFile: config.OCI_CONFIG_FILE,
          profile: config.OCI_CONFIG_PROFILE,
        });
  return [
    ...(sshKey === undefined ? [] : toModeWarnings('SSH_PRIVATE_KEY_FILE', sshKey)),
    ...ociFiles.flatMap((path) => toModeWarnings('OCI_CONFIG_FILE', path)),
  ];
}

/** None for what is no file, is not there, or not to be seen. */
export function toModeWarnings(variable: string, path: string): string[] {
  if ((readMode(path) & 0o077) === 0 || isGuarded(path)) return [];
  const shown = /^[\w./@:+-]+$/.test(path) ? path : `'${path.replaceAll("'", String.raw`'\''`)}'`;
  return [
    `${variable}: others on this machine may read the secrets in ${shown}; run chmod 600 ${shown}`,
  ];
}

function readMode(path: string): number {
  try {
    const found = statSync(path);
    return found.isFile() ? found.mode : 0; // to chmod 600 a folder would close it
  } catch {
    return 0;
  }
}

/** Docker mounts its secrets world-readable, in a container without other users; systemd guards the folder of its credentials. */
function isGuarded(path: string): boolean {
  return /^\/(?:var\/)?run\/(?:secrets|credentials)\//.test(path);
}
