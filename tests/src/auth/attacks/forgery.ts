// What the tables of attacks are made with: a valid token's parts, and ways to put them together wrongly.

import { generateKeyPairSync, sign } from 'node:crypto';
import type { Oidc } from '@ondemand/sandbox';

export interface Target {
  readonly oidc: Pick<Oidc, 'issuer' | 'audience' | 'sign' | 'signForeign'>;
  /** The issuer's public keys, by algorithm. */
  readonly keys: Readonly<Record<'RS256' | 'ES256' | 'EdDSA', PublicKey>>;
  /** A server of the attacker's, which nobody may ever ask. */
  readonly attackerUrl: string;
}

export interface PublicKey {
  readonly kid: string;
  readonly jwk: Readonly<Record<string, unknown>>;
}

export type Attack = readonly [name: string, forge: (target: Target) => string];
export type Json = Readonly<Record<string, unknown>>;

export const nowSeconds = () => Math.floor(Date.now() / 1000);
export const encode = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
export const segments = (token: string): [string, string, string] => {
  const [header = '', payload = '', signature = ''] = token.split('.');
  return [header, payload, signature];
};
export const validHeader = ({ keys }: Target): Json => ({
  alg: 'RS256',
  typ: 'at+jwt',
  kid: keys.RS256.kid,
});
export const validClaims = ({ oidc }: Target): Json => ({
  iss: oidc.issuer,
  sub: 'ondemand-admin',
  client_id: 'ondemand-admin',
  aud: oidc.audience,
  scope: 'read admin',
  iat: nowSeconds(),
  exp: nowSeconds() + 3600,
});
export const attackerKey = generateKeyPairSync('rsa', { modulusLength: 2048 });

/** The valid token with another header, its signature as it was. */
export const withHeader = (target: Target, header: unknown): string => {
  const [, payload, signature] = segments(target.oidc.sign());
  return `${encode(header)}.${payload}.${signature}`;
};
/** Signed by the attacker with a key of their own. */
export const signedByAttacker = (
  target: Target,
  header: Json,
  claims: unknown = validClaims(target),
) => {
  const signed = `${encode({ ...validHeader(target), ...header })}.${encode(claims)}`;
  return `${signed}.${sign('sha256', Buffer.from(signed), attackerKey.privateKey).toString('base64url')}`;
};
export const show = (value: unknown): string => (JSON.stringify(value) ?? 'missing').slice(0, 40);
