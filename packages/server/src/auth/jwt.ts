// Verifies JWT access tokens: https://www.rfc-editor.org/rfc/rfc9068#section-4

import { createHash } from 'node:crypto';
import { compactVerify, decodeProtectedHeader, errors, importJWK, type JWK } from 'jose';
import { z } from 'zod';
import { invalidToken } from './challenge.ts';
import { type ClaimRules, toPrincipal } from './claims.ts';
import type { KeySet } from './key-set.ts';
import type { Principal } from './principal.ts';

export interface JwtOptions {
  readonly keys: KeySet;
  readonly rules: ClaimRules;
  /** The time of day, which a token's own times are judged by. */
  readonly date?: () => Date;
}

/** Asymmetric only; what the header says is never trusted beyond choosing from this list. */
const algorithms = ['RS256', 'ES256', 'EdDSA'] as const;
type Algorithm = (typeof algorithms)[number];

/** What each algorithm's keys are: https://www.rfc-editor.org/rfc/rfc7518#section-3.1 and, for EdDSA, RFC 8037. */
const keyKinds: Readonly<Record<Algorithm, Pick<JWK, 'kty' | 'crv'>>> = {
  RS256: { kty: 'RSA' },
  ES256: { kty: 'EC', crv: 'P-256' },
  EdDSA: { kty: 'OKP', crv: 'Ed25519' },
};

/** Only these matter to us; a header that wants more (`crit`, `jku`, `jwk`, `zip`, …) is refused whole. */
const headerSchema = z.strictObject({
  alg: z.enum(algorithms),
  kid: z.string().min(1).max(256),
  typ: z.string().regex(/^(application\/)?at\+jwt$/i),
  x5t: z.string().optional(),
  'x5t#S256': z.string().optional(),
});

/** Tokens that are remembered for each key. */
const maxSigned = 256;

/** True for whatever has the form of a JWT, valid or not: three segments, or a JSON header and any other number of them. */
export function hasJwtForm(token: string): boolean {
  const segments = token.split('.').length;
  return segments === 3 || (segments > 1 && token.startsWith('eyJ'));
}

/**
 * Resolves with who the token speaks for.
 * Throws `UNAUTHORIZED` for any token that is not a valid access token of the issuer for us, `SERVICE_UNAVAILABLE` while its keys cannot be had.
 */
export function createJwtVerifier({ keys, rules, date = () => new Date() }: JwtOptions) {
  const imported = new WeakMap<JWK, Promise<Awaited<ReturnType<typeof importJWK>>>>();
  /** Payloads by the hash of tokens whose signature was right, which it stays for as long as the issuer shows the key; claims are judged each time. */
  const signed = new WeakMap<JWK, Map<string, Uint8Array>>();

  return async function verify(token: string): Promise<Principal> {
    const { alg, kid } = parseHeader(token);
    const named = await keys.find(kid);
    if (named.length === 0) throw invalidToken('The token is signed with a key the issuer lacks');
    const candidates = named.filter((jwk) => isFor(jwk, alg));
    if (candidates.length === 0)
      throw invalidToken('The token is signed with another algorithm than its key is for');
    return toPrincipal(parsePayload(await open(token, candidates, alg)), rules, date());
  };

  /** What one of the keys signed. */
  async function open(
    token: string,
    candidates: readonly JWK[],
    alg: Algorithm,
  ): Promise<Uint8Array> {
    const id = createHash('sha256').update(token).digest('base64');
    let cause: unknown;
    for (const jwk of candidates) {
      const payload =
        signed.get(jwk)?.get(id) ??
        (await checkSignature(token, jwk, alg).catch((error: unknown) => {
          if (!isVerdict(error)) throw error;
          cause = error;
          return undefined;
        }));
      if (payload === undefined) continue;
      remember(jwk, id, payload);
      return payload;
    }
    throw invalidToken("The token's signature is not valid", { cause });
  }

  function remember(jwk: JWK, id: string, payload: Uint8Array): void {
    const payloads = signed.get(jwk) ?? new Map<string, Uint8Array>();
    signed.set(jwk, payloads.set(id, payload));
    const [oldest] = payloads.keys();
    if (payloads.size > maxSigned && oldest !== undefined) payloads.delete(oldest);
  }

  /** Nothing but jose and WebCrypto runs in here, so that a `TypeError` is theirs. */
  async function checkSignature(token: string, jwk: JWK, alg: Algorithm): Promise<Uint8Array> {
    let key = imported.get(jwk);
    if (key === undefined) {
      key = importJWK(jwk, alg);
      imported.set(jwk, key);
    }
    return (await compactVerify(token, await key, { algorithms: [alg] })).payload;
  }
}

/** A key that says for what algorithm it is may be used for no other. */
function isFor(jwk: JWK, alg: Algorithm): boolean {
  const { kty, crv } = keyKinds[alg];
  const isOfKind = jwk.kty === kty && (crv === undefined || jwk.crv === crv);
  return isOfKind && (jwk.alg === undefined || jwk.alg === alg);
}

/** About the key or the signature; WebCrypto's OperationError is a failure of its own: https://www.w3.org/TR/webcrypto/#SubtleCrypto-Exceptions */
function isVerdict(error: unknown): boolean {
  if (error instanceof DOMException) return error.name !== 'OperationError';
  return error instanceof errors.JOSEError || error instanceof TypeError;
}

function parseHeader(token: string) {
  const segments = token.split('.');
  if (segments.length !== 3 || !segments.every(isCanonicalBase64url))
    throw invalidToken('The token is malformed');
  const parsed = headerSchema.safeParse(decodeHeader(token));
  if (!parsed.success) throw invalidToken('The token is not an access token that this API takes');
  return parsed.data;
}

function decodeHeader(token: string): unknown {
  try {
    return decodeProtectedHeader(token);
  } catch {
    throw invalidToken('The token is malformed'); // the cause may quote it
  }
}

/** One spelling a segment: no padding, no line breaks, no stray bits in the last character. */
function isCanonicalBase64url(segment: string): boolean {
  return segment !== '' && Buffer.from(segment, 'base64url').toString('base64url') === segment;
}

function parsePayload(payload: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    return z
      .record(z.string(), z.unknown())
      .parse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload)));
  } catch {
    throw invalidToken('The token holds no claims'); // the cause would quote it
  }
}
