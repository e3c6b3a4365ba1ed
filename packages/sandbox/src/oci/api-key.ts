// The key pair that signs OCI requests.

import { createHash, generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';

export interface ApiKey {
  readonly publicKey: KeyObject;
  /** PKCS #8 PEM. */
  readonly privatePem: string;
  /** MD5 of the public key in colon-separated hex, as Oracle names API keys. */
  readonly fingerprint: string;
}

/** https://docs.oracle.com/iaas/Content/API/Concepts/apisigningkey.htm */
export async function createApiKey(modulusLength = 2048): Promise<ApiKey> {
  const { publicKey, privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength });
  const der = publicKey.export({ type: 'spki', format: 'der' });
  const digest = createHash('md5').update(der).digest('hex');
  return {
    publicKey,
    privatePem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    fingerprint: digest.match(/../g)?.join(':') ?? '',
  };
}

let first: Promise<ApiKey> | undefined;

/** The same for every sandbox of this process: making one takes a quarter of a second of a processor. */
export function shareApiKey(): Promise<ApiKey> {
  first ??= createApiKey();
  return first;
}
