// No signature, the wrong kind of signature, or a true one under another name.

import { createHmac, createPublicKey, type KeyObject } from 'node:crypto';
import {
  type Attack,
  encode,
  type Json,
  show,
  validClaims,
  validHeader,
  withHeader,
} from './forgery.ts';

export const unsigned: Attack[] = [
  ...[
    'none',
    'None',
    'NONE',
    'nOnE',
    'none ',
    ' none',
    'none\u0000',
    '',
    null,
    0,
    false,
    ['none'],
    {},
    undefined,
  ].flatMap((alg): Attack[] => [
    [
      `alg ${show(alg)} without a signature`,
      (target) => `${encode({ ...validHeader(target), alg })}.${encode(validClaims(target))}.`,
    ],
    [
      `alg ${show(alg)} with the signature of another token`,
      (target) => withHeader(target, { ...validHeader(target), alg }),
    ],
  ]),
];

const publicKeyForms: Readonly<Record<string, (key: KeyObject, jwk: Json) => string | Buffer>> = {
  PEM: (key) => key.export({ type: 'spki', format: 'pem' }),
  'PEM without its last newline': (key) =>
    String(key.export({ type: 'spki', format: 'pem' })).trim(),
  'PKCS#1 PEM': (key) => key.export({ type: 'pkcs1', format: 'pem' }),
  DER: (key) => key.export({ type: 'spki', format: 'der' }),
  JWK: (_, jwk) => JSON.stringify(jwk),
  modulus: (_, jwk) => String(jwk.n),
  'an empty secret': () => '',
};
export const symmetric: Attack[] = Object.entries(publicKeyForms).flatMap(([form, toSecret]) =>
  ['HS256', 'HS384', 'HS512'].map(
    (alg): Attack => [
      `${alg} with the public key as secret: ${form}`,
      (target) => {
        const { jwk } = target.keys.RS256;
        const secret = toSecret(createPublicKey({ key: jwk, format: 'jwk' }), jwk);
        const signed = `${encode({ ...validHeader(target), alg })}.${encode(validClaims(target))}`;
        return `${signed}.${createHmac(alg.replace('HS', 'sha'), secret).update(signed).digest('base64url')}`;
      },
    ],
  ),
);

export const swapped: Attack[] = [
  [
    'ES256 under the id of the RSA key',
    ({ oidc, keys }) => oidc.sign({}, { alg: 'ES256', kid: keys.RS256.kid }),
  ],
  [
    'ES256 under the id of the Ed25519 key',
    ({ oidc, keys }) => oidc.sign({}, { alg: 'ES256', kid: keys.EdDSA.kid }),
  ],
  [
    'RS256 under the id of the EC key',
    ({ oidc, keys }) => oidc.sign({}, { alg: 'RS256', kid: keys.ES256.kid }),
  ],
  [
    'RS256 under the id of the Ed25519 key',
    ({ oidc, keys }) => oidc.sign({}, { alg: 'RS256', kid: keys.EdDSA.kid }),
  ],
  [
    'EdDSA under the id of the RSA key',
    ({ oidc, keys }) => oidc.sign({}, { alg: 'EdDSA', kid: keys.RS256.kid }),
  ],
  [
    'EdDSA under the id of the EC key',
    ({ oidc, keys }) => oidc.sign({}, { alg: 'EdDSA', kid: keys.ES256.kid }),
  ],
  ...[
    'RS384',
    'RS512',
    'PS256',
    'PS384',
    'ES384',
    'ES512',
    'ES256K',
    'Ed448',
    'rs256',
    'RS256 ',
    'RS257',
    'RSA',
    'RSA-OAEP',
    'dir',
    'A256GCMKW',
  ].map(
    (alg): Attack => [
      `a true RS256 signature under alg ${show(alg)}`,
      ({ oidc, keys }) => oidc.sign({}, { alg, kid: keys.RS256.kid }),
    ],
  ),
];
