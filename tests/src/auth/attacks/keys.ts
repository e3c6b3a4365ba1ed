// Keys of the attacker, and key ids that lead elsewhere.

import { type Attack, attackerKey, show, signedByAttacker, validClaims } from './forgery.ts';

export const foreignKeys: Attack[] = [
  ...(['RS256', 'ES256', 'EdDSA'] as const).map(
    (alg): Attack => [
      `a foreign ${alg} key under the issuer's id`,
      ({ oidc }) => oidc.signForeign({}, { alg }),
    ],
  ),
  ['a strong foreign key', (target) => signedByAttacker(target, {})],
  [
    'the key in jwk',
    (target) => signedByAttacker(target, { jwk: attackerKey.publicKey.export({ format: 'jwk' }) }),
  ],
  [
    'the key in jwk, without kid',
    (target) =>
      signedByAttacker(target, {
        kid: undefined,
        jwk: attackerKey.publicKey.export({ format: 'jwk' }),
      }),
  ],
  [
    'the key in jwk, with its own kid',
    (target) =>
      signedByAttacker(target, {
        kid: 'mine',
        jwk: { ...attackerKey.publicKey.export({ format: 'jwk' }), kid: 'mine' },
      }),
  ],
  [
    'the issuer’s own key in jwk, truly signed',
    ({ oidc, keys }) => oidc.sign({}, { jwk: keys.RS256.jwk }),
  ],
  ...['jku', 'x5u'].flatMap((name): Attack[] => [
    [
      `${name} at the attacker`,
      (target) => signedByAttacker(target, { kid: 'mine', [name]: `${target.attackerUrl}/jwks` }),
    ],
    [
      `${name} at the attacker, truly signed`,
      ({ oidc, attackerUrl }) => oidc.sign({}, { [name]: `${attackerUrl}/jwks` }),
    ],
    [
      `${name} at the attacker, looking like the issuer`,
      (target) =>
        signedByAttacker(target, {
          kid: 'mine',
          [name]: `${target.oidc.issuer}@${target.attackerUrl.replace('http://', '')}/jwks`,
        }),
    ],
    [
      `${name} at the issuer itself`,
      ({ oidc }) => oidc.sign({}, { [name]: `${oidc.issuer}/jwks` }),
    ],
    [`${name} at a file`, (target) => signedByAttacker(target, { [name]: 'file:///dev/null' })],
  ]),
  [
    'x5c',
    (target) =>
      signedByAttacker(target, {
        x5c: [attackerKey.publicKey.export({ type: 'spki', format: 'der' }).toString('base64')],
      }),
  ],
  ['x5c, truly signed', ({ oidc }) => oidc.sign({}, { x5c: ['MIIB'] })],
  ['x5c empty', ({ oidc }) => oidc.sign({}, { x5c: [] })],
  [
    'iss at the attacker',
    (target) => signedByAttacker(target, {}, { ...validClaims(target), iss: target.attackerUrl }),
  ],
];

export const keyIds: Attack[] = [
  '../../../../../../dev/null',
  '/dev/null',
  'file:///etc/passwd',
  'C:\\nul',
  "' OR '1'='1",
  "x' UNION SELECT 'secret'--",
  '1; DROP TABLE keys',
  '$' + '{jndi:ldap://127.0.0.1/x}',
  '|id',
  '`id`',
  '\u0000',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'prototype',
  'x'.repeat(4096),
  '',
  ' ',
  null,
  0,
  1,
  true,
  [],
  {},
  undefined,
].map((kid): Attack => [`kid ${show(kid)}`, ({ oidc }) => oidc.sign({}, { kid })]);
export const bentKeyIds: Attack[] = (
  [
    ['and NUL', (kid) => `${kid}\u0000`],
    ['and a blank', (kid) => `${kid} `],
    ['in upper case', (kid) => kid.toUpperCase()],
    ['after a slash', (kid) => `/${kid}`],
    ['in a list', (kid) => [kid]],
    ['in an object', (kid) => ({ kid })],
    ['cut by one', (kid) => kid.slice(0, -1)],
  ] satisfies [string, (kid: string) => unknown][]
).map(
  ([name, bend]): Attack => [
    `the right kid ${name}`,
    ({ oidc, keys }) => oidc.sign({}, { kid: bend(keys.RS256.kid) }),
  ],
);
