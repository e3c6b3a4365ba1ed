// What is wrong with the environment beyond each variable's own form, told before anything listens.

import { checkOciConfig, checkSshConfig } from '@ondemand/core';
import { checkAuditFile } from '../audit/file.ts';
import type { Config } from '../config/variables.ts';
import { ociOptions, sshOptions } from './adapter-options.ts';

/** What else is wrong with the environment and can be told without the network: a line each, beginning with a variable's name. */
export async function checkEnvironment(config: Partial<Config>): Promise<string[]> {
  const problems = await Promise.all([
    checkIntrospectionClient(config),
    checkAuditFile(config.AUDIT_LOG_FILE),
    checkOci(config),
    checkSshConfig(sshOptions(config)),
    checkComposeRoots(config),
  ]);
  return problems.flat();
}

/** Half of the credentials would silently refuse every opaque token. */
function checkIntrospectionClient(config: Partial<Config>): string[] {
  const { OIDC_CLIENT_ID: id, OIDC_CLIENT_SECRET: secret } = config;
  if (id !== undefined && secret === undefined)
    return ['OIDC_CLIENT_ID: needs OIDC_CLIENT_SECRET beside it'];
  if (id === undefined && secret !== undefined)
    return ['OIDC_CLIENT_SECRET: needs OIDC_CLIENT_ID beside it'];
  return [];
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
