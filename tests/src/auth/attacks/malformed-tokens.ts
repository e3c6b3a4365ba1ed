// Strings that are not quite in the form of a token, and opaque ones that nobody issued.

import { type Attack, encode, segments, show, validHeader, withHeader } from './forgery.ts';

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
/** Another spelling of the same bytes: 256 bytes leave bits of the last character unused. */
const respell = (segment: string): string =>
  segment.slice(0, -1) + alphabet.charAt(alphabet.indexOf(segment.slice(-1)) + 1);
/** Bends the header or the payload of a token that is truly signed, at a length that leaves bits over. */
const spelling =
  (index: 0 | 1): Attack[1] =>
  ({ oidc }) => {
    for (let pad = 1; pad <= 3; pad += 1) {
      const text = 'x'.repeat(pad);
      const parts = segments(index === 0 ? oidc.sign({}, { x5t: text }) : oidc.sign({ jti: text }));
      const segment = parts[index];
      if (segment.length % 4 === 0) continue;
      parts[index] = respell(segment);
      return parts.join('.');
    }
    throw new Error('three lengths in a row leave no bits over');
  };
export const forms: Attack[] = [
  ...([1, 2] as const).map(
    (count): Attack => [
      `${count} segments`,
      ({ oidc }) => segments(oidc.sign()).slice(0, count).join('.'),
    ],
  ),
  ['4 segments', ({ oidc }) => `${oidc.sign()}.x`],
  ['4 segments, the last empty', ({ oidc }) => `${oidc.sign()}.`],
  ['5 segments', ({ oidc }) => `${oidc.sign()}.x.y`],
  ['5 segments, empty', ({ oidc }) => `${oidc.sign()}..`],
  ['a token twice', ({ oidc }) => `${oidc.sign()}.${oidc.sign()}`],
  ['a dot first', ({ oidc }) => `.${oidc.sign()}`],
  ['no header', ({ oidc }) => oidc.sign().replace(/^[^.]*/, '')],
  ['no payload', ({ oidc }) => segments(oidc.sign()).with(1, '').join('.')],
  ['two dots', () => '..'],
  ['one dot', () => '.'],
  [
    'a JWE',
    ({ keys }) =>
      `${encode({ alg: 'RSA-OAEP', enc: 'A256GCM', typ: 'at+jwt', kid: keys.RS256.kid })}.AAAA.AAAA.AAAA.AAAA`,
  ],
  ['padding at the end', ({ oidc }) => `${oidc.sign()}=`],
  ['much padding at the end', ({ oidc }) => `${oidc.sign()}==`],
  ['padding in the header', ({ oidc }) => oidc.sign().replace('.', '=.')],
  [
    'the other alphabet',
    ({ oidc }) => `${oidc.sign().replace(/[-_]/g, (sign) => (sign === '-' ? '+' : '/'))}/`,
  ],
  ['a newline at the end, encoded', ({ oidc }) => `${oidc.sign()}%0A`],
  ['a percent-encoded dot', ({ oidc }) => oidc.sign().replace('.', '%2E')],
  ['quotes', ({ oidc }) => `"${oidc.sign()}"`],
  ['angle brackets', ({ oidc }) => `<${oidc.sign()}>`],
  ['a comma at the end', ({ oidc }) => `${oidc.sign()},`],
  ['a tilde at the end', ({ oidc }) => `${oidc.sign()}~`],
  [
    'a non-canonical last character of the signature',
    ({ oidc }) => {
      const [header, payload, signature] = segments(oidc.sign());
      return `${header}.${payload}.${respell(signature)}`;
    },
  ],
  ['a non-canonical last character of the header', spelling(0)],
  ['a non-canonical last character of the payload', spelling(1)],
  [
    'the header with blanks in its JSON',
    (target) => withHeader(target, JSON.stringify(validHeader(target), null, 1)),
  ],
  [
    'the JSON serialization',
    ({ oidc }) => {
      const [header, payload, signature] = segments(oidc.sign());
      return encode({ payload, signatures: [{ protected: header, signature }] });
    },
  ],
];

export const opaque: Attack[] = [
  'garbage',
  'null',
  'undefined',
  'true',
  '0',
  '-',
  '~',
  'authelia_at_',
  'authelia_at_AAAA.BBBB',
  'authelia_rt_AAAA.BBBB',
  'AUTHELIA_RT_AAAA',
  'a'.repeat(8000),
  encode({ active: true, scope: 'admin' }),
  '../introspect',
  '__proto__',
  "'--",
  '{}',
  'token%26active=true',
].map((token) => [`opaque ${show(token)}`, () => token]);
