// The issuer's signing keys, one for each algorithm that resource servers are to accept.

import { generateKeyPair, type KeyObject, randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import type { JWK } from 'oidc-provider';

export type SigningAlgorithm = 'RS256' | 'ES256' | 'EdDSA';

export interface SigningKey {
  readonly kid: string;
  readonly alg: SigningAlgorithm;
  readonly privateKey: KeyObject;
}

const generate = promisify(generateKeyPair);

/** A fresh key for each algorithm, RS256 first. */
export async function createSigningKeys(): Promise<readonly SigningKey[]> {
  return withIds(await createPrivateKeys(2048));
}

/**
 * What an issuer begins with, and what nobody trusts: the same in this process for every issuer, by ids of its own.
 * Making an RSA key takes a quarter of a second of a processor.
 */
export async function createFirstKeys() {
  first ??= Promise.all([createPrivateKeys(2048), createPrivateKeys(1024)]);
  const [own, foreign] = await first;
  return { own: withIds(own), foreign: withIds(foreign) };
}

type PrivateKeys = readonly (readonly [SigningAlgorithm, KeyObject])[];
let first: Promise<readonly [PrivateKeys, PrivateKeys]> | undefined;

async function createPrivateKeys(modulusLength: number): Promise<PrivateKeys> {
  const [rsa, ec, ed] = await Promise.all([
    generate('rsa', { modulusLength }),
    generate('ec', { namedCurve: 'P-256' }),
    generate('ed25519'),
  ]);
  return [
    ['RS256', rsa.privateKey],
    ['ES256', ec.privateKey],
    ['EdDSA', ed.privateKey],
  ];
}

function withIds(keys: PrivateKeys): readonly SigningKey[] {
  return keys.map(([alg, privateKey]) => ({ kid: randomUUID(), alg, privateKey }));
}

/** With the private part: what the provider signs with; it publishes the public part alone. */
export function toPrivateJwk({ kid, alg, privateKey }: SigningKey): JWK {
  // Node types a JWK's members as optional strings; oidc-provider wants `kty`, which is always there.
  return { ...privateKey.export({ format: 'jwk' }), kid, alg, use: 'sig' } as JWK;
}

/** The key for this algorithm; the first one (RS256) for any other. */
export function selectKey(keys: readonly SigningKey[], alg: unknown): SigningKey {
  const key = keys.find((candidate) => candidate.alg === alg) ?? keys[0];
  if (key === undefined) throw new Error('The issuer has no signing key');
  return key;
}
