// What a user of Oracle's API has at hand: an API key and a config file, by profile, and a session token.

import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { World } from '../instance-state.ts';
import { type ApiKey, shareApiKey } from './api-key.ts';
import type { SignatureRules } from './signature.ts';

export interface OciCredentials extends Pick<SignatureRules, 'keyIds' | 'publicKey'> {
  /** Profiles `DEFAULT` (API key) and `SESSION` (session token), both accepted by the sandbox. */
  readonly configFile: string;
  readonly privateKeyFile: string;
}

/** Writes into `folder`; secrets with mode 0600. https://docs.oracle.com/iaas/Content/API/Concepts/sdkconfig.htm */
export async function createOciCredentials(world: World, folder: string): Promise<OciCredentials> {
  const key = await shareApiKey();
  const sessionToken = createSessionToken(world);
  const configFile = join(folder, 'config');
  const privateKeyFile = join(folder, 'oci-api-key.pem');
  const tokenFile = join(folder, 'session-token');
  const secret = { mode: 0o600 };
  await Promise.all([
    writeFile(privateKeyFile, key.privatePem, secret),
    writeFile(tokenFile, sessionToken, secret),
    writeFile(configFile, toConfig(world, key, { privateKeyFile, tokenFile }), secret),
  ]);
  return {
    keyIds: [`${world.tenancyId}/${world.userId}/${key.fingerprint}`, `ST$${sessionToken}`],
    publicKey: key.publicKey,
    configFile,
    privateKeyFile,
  };
}

function toConfig(
  { tenancyId, userId, region }: World,
  { fingerprint }: ApiKey,
  { privateKeyFile, tokenFile }: { privateKeyFile: string; tokenFile: string },
): string {
  const shared = [
    `fingerprint=${fingerprint}`,
    `tenancy=${tenancyId}`,
    `region=${region}`,
    `key_file=${privateKeyFile}`,
  ];
  const profiles = [
    ['[DEFAULT]', `user=${userId}`, ...shared],
    ['[SESSION]', ...shared, `security_token_file=${tokenFile}`],
  ];
  return profiles.map((lines) => `${lines.join('\n')}\n`).join('\n');
}

/** Has the form of a JWT and an `exp`, which is all that clients read. */
function createSessionToken({ tenancyId, userId }: World): string {
  const encode = (part: unknown) => Buffer.from(JSON.stringify(part)).toString('base64url');
  const now = Math.floor(Date.now() / 1000);
  const payload = { sub: userId, tenant: tenancyId, iat: now, exp: now + 12 * 3600 };
  const signature = randomBytes(256).toString('base64url');
  return `${encode({ kid: 'asw', alg: 'RS256' })}.${encode(payload)}.${signature}`;
}
