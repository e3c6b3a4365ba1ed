// Validates a JWT's header before anything else of it is read; each refusal has its own message.

import { decodeProtectedHeader } from 'jose';
import { z } from 'zod';
import { invalidToken } from './challenge.ts';
import { plainTyp, toTyp } from './token-kind.ts';

/** Asymmetric only; what the header says is never trusted beyond choosing from this list. */
const algorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
] as const;
export type Algorithm = (typeof algorithms)[number];

export interface JwtHeader {
  readonly alg: Algorithm;
  readonly kid: string;
  /** As in `toTyp`. */
  readonly typ: string;
}

/** True for whatever has the form of a JWT, valid or not: three segments, or a JSON header and any other number of them. */
export function hasJwtForm(token: string): boolean {
  const segments = token.split('.').length;
  return segments === 3 || (segments > 1 && token.startsWith('eyJ'));
}

/** Throws `UNAUTHORIZED` unless the token is a JWT with a header that is taken; of `typs`, as in `toTyp`. */
export function parseHeader(token: string, typs: readonly string[]): JwtHeader {
  const segments = token.split('.');
  if (segments.length === 5 && 'enc' in (decodeHeader(token) ?? {}))
    throw invalidToken(
      'The token is encrypted (JWE), and this API reads signed ones; have the issuer sign access tokens without encrypting them',
    );
  const header = decodeHeader(token);
  if (header === undefined || segments.length !== 3) throw malformed();
  const { alg, kid } = header;
  if (!isOneOf(algorithms, alg))
    throw invalidToken(`The token's alg is ${show(alg)}; taken are ${algorithms.join(', ')}`);
  if (!segments.every(isCanonicalBase64url)) throw malformed(); // after `alg`, as a token of alg none has no third part
  const typ = header.typ === undefined && typs.includes(plainTyp) ? plainTyp : header.typ;
  if (typeof typ !== 'string' || !typs.includes(toTyp(typ)))
    throw invalidToken(
      `The token's typ is ${show(typ)}, not ${typs.join(' or ')}; send the access token, and if that is what it is, name its typ in the API's OIDC_ACCESS_TOKEN_TYP`,
    );
  const other = Object.keys(header).find((name) => !headerNames.has(name));
  if (other !== undefined)
    throw invalidToken(`The token's header has ${show(other)}, which this API does not take`);
  if (kid === undefined)
    throw invalidToken("The token's header has no kid, by which its key would be found");
  if (!isKeyId(kid) || !isHash(header.x5t) || !isHash(header['x5t#S256']))
    throw invalidToken("The token's header has a malformed kid, x5t or x5t#S256");
  return { alg, kid, typ: toTyp(typ) };
}

/** A header that wants more (`crit`, `jku`, `jwk`, `zip`, …) is refused whole. */
const headerNames: ReadonlySet<string> = new Set(['alg', 'kid', 'typ', 'x5t', 'x5t#S256']);

function isOneOf<const T extends string>(list: readonly T[], value: unknown): value is T {
  return list.some((item) => item === value);
}

const isKeyId = (value: unknown): value is string =>
  z.string().min(1).max(256).safeParse(value).success;
const isHash = (value: unknown): boolean => z.string().optional().safeParse(value).success;

/** Values of the header are no secret; still only short and printable ones are repeated. */
function show(value: unknown): string {
  if (value === undefined) return 'missing';
  return typeof value === 'string' && /^[\w+./#-]{1,40}$/.test(value) ? value : 'malformed';
}

function decodeHeader(token: string): Readonly<Record<string, unknown>> | undefined {
  try {
    return { ...decodeProtectedHeader(token) };
  } catch {
    return undefined; // the cause may quote it
  }
}

/** One spelling a segment: no padding, no line breaks, no stray bits in the last character. */
function isCanonicalBase64url(segment: string): boolean {
  return segment !== '' && Buffer.from(segment, 'base64url').toString('base64url') === segment;
}

function malformed() {
  return invalidToken(
    'The token is malformed: a JWT is three parts of base64url joined by dots; send it whole',
  );
}
