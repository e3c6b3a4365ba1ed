// Truly signed tokens whose claims are not those of an access token for us.

import { type Attack, nowSeconds, segments, show, type Target, validClaims } from './forgery.ts';

/** How an exact string may be missed. */
const bends: readonly (readonly [string, (value: string) => unknown])[] = [
  ['missing', () => undefined],
  ['null', () => null],
  ['empty', () => ''],
  ['a prefix', (value) => value.slice(0, -1)],
  ['without its first letter', (value) => value.slice(1)],
  ['with a slash', (value) => `${value}/`],
  ['with a longer path', (value) => `${value}/more`],
  ['with a longer host', (value) => value.replace('://', '://evil.')],
  ['with a user', (value) => value.replace('://', '://evil@')],
  ['with a query', (value) => `${value}?`],
  ['with a fragment', (value) => `${value}#`],
  ['with a blank', (value) => `${value} `],
  ['with NUL', (value) => `${value}\u0000`],
  ['in upper case', (value) => value.toUpperCase()],
  ['with another protocol', (value) => value.replace(/^https?/, 'ftp')],
  ['among others in one string', (value) => `other ${value}`],
  ['with a comma', (value) => `${value},other`],
  ['a wildcard', () => '*'],
  ['a number', () => 1],
  ['true', () => true],
  ['an object', (value) => ({ [value]: true })],
  ['a list in a list', (value) => [[value]]],
  ['a list with null', () => [null]],
  ['an empty list', () => []],
];
export const audiences: Attack[] = bends.map(([name, bend]) => [
  `aud ${name}`,
  ({ oidc }) => oidc.sign({ aud: bend(oidc.audience) }),
]);
export const issuers: Attack[] = [
  ...bends.map(
    ([name, bend]): Attack => [`iss ${name}`, ({ oidc }) => oidc.sign({ iss: bend(oidc.issuer) })],
  ),
  ['iss in a list', ({ oidc }) => oidc.sign({ iss: [oidc.issuer] })],
  [
    'iss by another name of the host',
    ({ oidc }) => oidc.sign({ iss: oidc.issuer.replace('127.0.0.1', 'localhost') }),
  ],
];

/** JSON.stringify cannot write these numbers, JSON.parse reads them. */
const withRaw = (target: Target, name: string, raw: string): string => {
  const { [name]: _, ...rest } = validClaims(target);
  return target.oidc.sign(`${JSON.stringify(rest).slice(0, -1)},"${name}":${raw}}`);
};
export const times: Attack[] = [
  ...[
    undefined,
    null,
    0,
    -1,
    nowSeconds() - 31,
    nowSeconds() - 86_400,
    String(nowSeconds() + 3600),
    '',
    true,
    [nowSeconds() + 3600],
    {},
    1e20,
  ].map((exp): Attack => [`exp ${show(exp)}`, ({ oidc }) => oidc.sign({ exp })]),
  ...['1e999', '-1e999', '1e308'].map(
    (raw): Attack => [`exp ${raw}`, (target) => withRaw(target, 'exp', raw)],
  ),
  ['exp in milliseconds of the past', ({ oidc }) => oidc.sign({ exp: 1e15 * 1000 })],
  ...[60, 3600, 1e9].map(
    (ahead): Attack => [
      `nbf ${ahead} s ahead`,
      ({ oidc }) => oidc.sign({ nbf: nowSeconds() + ahead }),
    ],
  ),
  ...[null, '0', true, [0], {}].map(
    (nbf): Attack => [`nbf ${show(nbf)}`, ({ oidc }) => oidc.sign({ nbf })],
  ),
  ...['1e999', '-1e999'].map(
    (raw): Attack => [`nbf ${raw}`, (target) => withRaw(target, 'nbf', raw)],
  ),
  ...[undefined, null, String(nowSeconds()), true, nowSeconds() + 3600].map(
    (iat): Attack => [`iat ${show(iat)}`, ({ oidc }) => oidc.sign({ iat })],
  ),
  ['iat 1e999', (target) => withRaw(target, 'iat', '1e999')],
];
export const subjects: Attack[] = ['sub', 'client_id'].flatMap((claim) =>
  [undefined, null, '', 0, true, ['x'], {}].map(
    (value): Attack => [`${claim} ${show(value)}`, ({ oidc }) => oidc.sign({ [claim]: value })],
  ),
);
export const confirmation: Attack[] = [
  ['bound by DPoP', ({ oidc }) => oidc.sign({ cnf: { jkt: 'x' } })],
  ['bound by a certificate', ({ oidc }) => oidc.sign({ cnf: { 'x5t#S256': 'x' } })],
];

export const payloads: Attack[] = [
  ...['', '{', 'null', '[]', '"x"', '1', '{}', '\ufeff{}', '{"__proto__":{"aud":"x"}}'].map(
    (text): Attack => [`payload ${show(text)}, truly signed`, ({ oidc }) => oidc.sign(text)],
  ),
  [
    'claims in __proto__',
    (target) => target.oidc.sign(`{"__proto__":${JSON.stringify(validClaims(target))}}`),
  ],
  ['claims in a list', (target) => target.oidc.sign(JSON.stringify([validClaims(target)]))],
  [
    'claims in a token in a token',
    (target) => target.oidc.sign(JSON.stringify(target.oidc.sign())),
  ],
  [
    'exp twice, the last one past',
    (target) => target.oidc.sign(`${JSON.stringify(validClaims(target)).slice(0, -1)},"exp":1}`),
  ],
  ['nested a thousand deep', ({ oidc }) => oidc.sign(`${'['.repeat(1000)}${']'.repeat(1000)}`)],
  [
    'another payload under a true signature',
    ({ oidc }) => {
      const [header, , signature] = segments(oidc.sign());
      const [, payload] = segments(oidc.sign({ sub: 'root' }));
      return `${header}.${payload}.${signature}`;
    },
  ],
];
