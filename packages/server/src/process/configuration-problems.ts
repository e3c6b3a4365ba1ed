// What is wrong with the environment beyond each variable's own form, told before anything listens.

import { checkOciConfig, checkSshConfig } from '@ondemand/core';
import { checkAuditFile } from '../audit/file.ts';
import type { Environment } from '../config/read-environment.ts';
import { isBelowHome } from '../config/value-parsers.ts';
import type { Config } from '../config/variables.ts';
import { ociOptions, sshOptions } from './adapter-options.ts';

/** What else is wrong with the environment and can be told without the network: a line each, beginning with a variable's name. */
export async function checkEnvironment(
  config: Partial<Config>,
  environment: Environment,
): Promise<string[]> {
  const problems = await Promise.all([
    checkIntrospectionClient(environment),
    checkMetricsPort(config),
    checkAuditFile(config.AUDIT_LOG_FILE),
    checkOci(config),
    checkSshConfig(sshOptions(config)),
    checkComposeRoots(config),
  ]);
  return problems.flat();
}

/** The files whose `~` stands for nothing: a line each, beginning with the variable's name. */
export function findHomeless(config: Partial<Config>): string[] {
  return Object.entries(config)
    .filter(([name, value]) => name.endsWith('_FILE') && isBelowHome(String(value)))
    .map(
      ([name, value]) =>
        `${name}: ${value} is in no home folder, as HOME is not set and the user has none; set HOME, or give the whole path`,
    );
}

/** Half of the credentials would silently refuse every opaque token. */
function checkIntrospectionClient(environment: Environment): string[] {
  const id = environment.OIDC_CLIENT_ID;
  const secret = environment.OIDC_CLIENT_SECRET || environment.OIDC_CLIENT_SECRET_FILE;
  if (id && !secret) return ['OIDC_CLIENT_ID: needs OIDC_CLIENT_SECRET beside it'];
  if (!id && secret) return ['OIDC_CLIENT_SECRET: needs OIDC_CLIENT_ID beside it'];
  return [];
}

function checkMetricsPort({ PORT, METRICS_PORT }: Partial<Config>): string[] {
  return METRICS_PORT !== undefined && METRICS_PORT === PORT
    ? [`METRICS_PORT: ${PORT} is the PORT of the API already; choose another`]
    : [];
}

function checkComposeRoots({ COMPOSE_ROOTS: roots }: Partial<Config>): string[] {
  if (roots === undefined || roots.length > 0) return []; // undefined: told already why it is none
  return [
    'COMPOSE_ROOTS: left out, so that a rebuild runs whatever compose file the labels of a container name, and any image can bring labels along; set it to the folders of your projects on the VM, such as /srv/stacks',
  ];
}

/** Where `OCI_AUTH` itself cannot be used, what is wrong whether a key or a session was meant. */
async function checkOci(config: Partial<Config>): Promise<string[]> {
  const checkFor = (auth: Config['OCI_AUTH']) =>
    checkOciConfig(ociOptions({ ...config, OCI_AUTH: auth }));
  if (config.OCI_AUTH !== undefined) return checkFor(config.OCI_AUTH);
  const [ofKey, ofSession] = await Promise.all([checkFor('config'), checkFor('session')]);
  return ofKey.filter((problem) => ofSession.includes(problem));
}
