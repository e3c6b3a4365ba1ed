// Signs whatever a test wants signed, well-formed or not, which no JWT library would agree to.

import { type KeyObject, sign } from 'node:crypto';
import type { SigningKey } from './signing-keys.ts';

export type JwtPart = Readonly<Record<string, unknown>>;

/** A compact JWS over exactly this header and payload (a string is taken as it stands), whatever `alg` they claim. */
export function forgeJwt(header: JwtPart, payload: JwtPart | string, key: SigningKey): string {
  const body = typeof payload === 'string' ? payload : JSON.stringify(payload);
  const signed = `${encode(JSON.stringify(header))}.${encode(body)}`;
  return `${signed}.${signBytes(Buffer.from(signed), key).toString('base64url')}`;
}

function signBytes(data: Buffer, { alg, privateKey }: SigningKey): Buffer {
  if (alg === 'EdDSA') return sign(null, data, privateKey);
  const key: { key: KeyObject; dsaEncoding?: 'ieee-p1363' } =
    alg === 'ES256' ? { key: privateKey, dsaEncoding: 'ieee-p1363' } : { key: privateKey };
  return sign('sha256', data, key);
}

function encode(text: string): string {
  return Buffer.from(text).toString('base64url');
}
