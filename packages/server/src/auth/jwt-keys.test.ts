// Whatever keys the issuer shows, a token is let in or refused: it never makes an error of ours.

import { exportJWK, generateKeyPair, importJWK, type JWK, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import {
  errorOf,
  startTestIssuer,
  type TestIssuer,
  unhurriedHttp,
} from '../testing/issuer.test-support.ts';
import { startTestServer } from '../testing/test-server.test-support.ts';
import { createAuthenticator } from './authenticator.ts';
import { createJwtVerifier } from './jwt.ts';
import { anyOrigin } from './principal.ts';

const audience = 'https://ondemand.example.com';
const scopeNames = { read: 'read', wake: 'wake', admin: 'admin' };

const createPair = async (alg: string) => {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  return { alg, privateKey, jwk: await exportJWK(publicKey) };
};
const [rsa, otherRsa, ec, ec384, ed] = await Promise.all(
  ['RS256', 'RS256', 'ES256', 'ES384', 'EdDSA'].map(createPair),
);
if (!rsa || !otherRsa || !ec || !ec384 || !ed) throw new Error('a key pair is missing');
type Pair = typeof rsa;

let issuer: TestIssuer;
beforeAll(async () => {
  issuer = await startTestIssuer();
});
afterAll(() => issuer[Symbol.asyncDispose]());

/** Of an issuer with these keys, all by the id `a`. */
function open(...keys: readonly object[]) {
  issuer.answers['/jwks'] = { keys: keys.map((key) => ({ ...key, kid: 'a' })) };
  return createAuthenticator({ http: unhurriedHttp, issuer: issuer.url, audience, scopeNames })
    .authenticate;
}

function mint({ alg, privateKey }: Pick<Pair, 'alg' | 'privateKey'>): Promise<string> {
  return new SignJWT({ client_id: 'cli', scope: 'read' })
    .setProtectedHeader({ alg, typ: 'at+jwt', kid: 'a' })
    .setIssuer(issuer.url)
    .setAudience(audience)
    .setSubject('diego')
    .setIssuedAt()
    .setExpirationTime('5 min')
    .sign(privateKey);
}

test('many requests that come with one token at the same time have its signature checked once', async () => {
  const authenticate = open(rsa.jwk);
  const token = await mint(rsa);
  const verify = vi.spyOn(crypto.subtle, 'verify');
  onTestFinished(() => verify.mockRestore());
  const found = await Promise.all(
    Array.from({ length: 1000 }, () => authenticate([`Bearer ${token}`])),
  );
  expect(new Set(found.map(({ sub }) => sub))).toEqual(new Set(['diego']));
  expect(verify).toHaveBeenCalledTimes(1);
});

const refused = { code: 'UNAUTHORIZED', details: { reason: 'invalid_token' } };
const brokenKeys: readonly [string, Pair, object][] = [
  ['P-384, with a token of ES256', ec, ec384.jwk],
  ['P-384 that says ES256', ec, { ...ec384.jwk, alg: 'ES256' }],
  ['of no curve', ec, { ...ec.jwk, crv: undefined }],
  ['off its curve', ec, { ...ec.jwk, x: ec.jwk.y }],
  ['P-256 without x', ec, { ...ec.jwk, x: undefined }],
  ['P-256 that says it is RSA', rsa, { ...ec.jwk, kty: 'RSA' }],
  ['Ed25519 that is too short', ed, { ...ed.jwk, x: 'AQ' }],
  ['Ed448', ed, { ...ed.jwk, crv: 'Ed448' }],
  ['for encryption', rsa, { ...rsa.jwk, use: 'enc' }],
  ['for the operation encrypt', rsa, { ...rsa.jwk, key_ops: ['encrypt'] }],
  ['for verify and encrypt', rsa, { ...rsa.jwk, key_ops: ['verify', 'encrypt'] }],
  ['for verify twice', rsa, { ...rsa.jwk, key_ops: ['verify', 'verify'] }],
  ['for verify and what is no operation', rsa, { ...rsa.jwk, key_ops: ['verify', 'x'] }],
  ['RSA without n', rsa, { ...rsa.jwk, n: undefined }],
  ['RSA whose n is a number', rsa, { ...rsa.jwk, n: 5 }],
  ['RSA that is too short', rsa, { ...rsa.jwk, n: 'AQAB' }],
  ['RSA with half of a private key', rsa, { ...rsa.jwk, d: 'x' }],
  ['RSA whose oth is no list', rsa, { ...rsa.jwk, oth: 5 }],
  ['RSA whose ext is no boolean', rsa, { ...rsa.jwk, ext: 'x' }],
  ['private', rsa, await exportJWK(rsa.privateKey)],
];

describe('a token of a key that cannot be used is 401 invalid_token', () => {
  test.each(brokenKeys)('%s', async (_, pair, key) => {
    const authenticate = open(key, { kty: 'oct' }); // of no use either, but a key to be found
    expect(await errorOf(authenticate([`Bearer ${await mint(pair)}`]))).toMatchObject(refused);
  });

  test('and counts as a failed attempt', async () => {
    await using server = await startTestServer(
      {},
      { rateLimitPerMinute: 20, authenticate: open(ec384.jwk, { ...rsa.jwk, n: undefined }) },
    );
    const statuses: number[] = [];
    for (const pair of [ec, rsa, ec])
      statuses.push(
        await server.ask('/whoami', await withToken(pair)).then(({ status }) => status),
      );
    expect(statuses).toEqual([401, 401, 429]);
  });

  const withToken = async (pair: Pair) => ({
    headers: { authorization: `Bearer ${await mint(pair)}` },
  });
});

describe('keys that share an id', () => {
  test.each<[string, readonly object[], Pair]>([
    ['RSA and EC, RS256', [rsa.jwk, ec.jwk], rsa],
    ['RSA and EC, ES256', [rsa.jwk, ec.jwk], ec],
    ['EC and RSA, RS256', [ec.jwk, rsa.jwk], rsa],
    ['EC and RSA, ES256', [ec.jwk, rsa.jwk], ec],
    ['P-256, P-384 and Ed25519, ES256', [ec.jwk, ec384.jwk, ed.jwk], ec],
    ['P-384, P-256 and Ed25519, EdDSA', [ec384.jwk, ec.jwk, ed.jwk], ed],
    ['one for RS512 and one for RS256', [{ ...rsa.jwk, alg: 'RS512' }, rsa.jwk], rsa],
    ['two RSA keys, the first', [rsa.jwk, otherRsa.jwk], rsa],
    ['two RSA keys, the second', [otherRsa.jwk, rsa.jwk], rsa],
    ...brokenKeys.map(([name, pair, key]): [string, readonly object[], Pair] => [
      `one ${name}, and a good one`,
      [key, pair.jwk],
      pair,
    ]),
  ])('%s: the one that fits lets its token in', async (_, keys, pair) => {
    const authenticate = open(...keys);
    const token = await mint(pair);
    for (
      let times = 0;
      times < 2;
      times += 1 // the second time it is remembered
    )
      expect(await authenticate([`Bearer ${token}`])).toMatchObject({ sub: 'diego' });
  });

  test('let in no token that none of them signed', async () => {
    const foreign = await createPair('RS256');
    const authenticate = open(rsa.jwk, otherRsa.jwk, ec.jwk);
    expect(await errorOf(authenticate([`Bearer ${await mint(foreign)}`]))).toMatchObject(refused);
  });
});

describe('every algorithm of the list is taken, by a key that names it and by one that does not', () => {
  const families: readonly (readonly string[])[] = [
    ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
    ['ES256'],
    ['ES384'],
    ['ES512'],
    ['EdDSA'],
  ];
  test.each(families)('%s and what shares its key', async (...algorithms) => {
    const [first = ''] = algorithms;
    const { jwk, privateKey } =
      [rsa, ec, ec384, ed].find(({ alg }) => alg === first) ?? (await createPair(first));
    const privateJwk = await exportJWK(privateKey);
    const authenticate = open(jwk); // one key that names no algorithm, so that each of them may use it
    for (const alg of algorithms) {
      const key = (await importJWK(privateJwk, alg)) as typeof privateKey; // of an asymmetric algorithm
      const authorization = [`Bearer ${await mint({ alg, privateKey: key })}`];
      expect(await authenticate(authorization)).toMatchObject({ sub: 'diego' });
      expect(await open({ ...jwk, alg })(authorization)).toMatchObject({ sub: 'diego' });
      const other = alg === 'RS256' ? 'RS384' : 'RS256';
      expect(await errorOf(open({ ...jwk, alg: other })(authorization))).toMatchObject(refused);
    }
  });
});

test('a token of another algorithm does not spoil the key for those that come after it', async () => {
  const authenticate = open(rsa.jwk);
  expect(await errorOf(authenticate([`Bearer ${await mint(ec)}`]))).toMatchObject(refused);
  expect(await authenticate([`Bearer ${await mint(rsa)}`])).toMatchObject({ sub: 'diego' });
});

test.each([new RangeError('a bug'), new DOMException('out of memory', 'OperationError')])(
  'what says nothing about key or signature is no verdict on the token: %s',
  async (error) => {
    const key: JWK = {
      kty: 'RSA',
      get n(): string {
        throw error;
      },
    };
    const verify = createJwtVerifier({
      keys: { current: async () => [key], find: async () => [], findRenamed: async () => [] },
      rules: { issuer: issuer.url, audience, scopeNames },
    });
    await expect(verify(await mint(rsa), anyOrigin)).rejects.toBe(error);
  },
);

test('a token that is remembered is refused once the issuer shows its key no more', async () => {
  let shown: readonly JWK[] = [{ ...rsa.jwk, kid: 'a' }];
  const verify = createJwtVerifier({
    keys: { current: async () => shown, find: async () => [], findRenamed: async () => [] },
    rules: { issuer: issuer.url, audience, scopeNames },
  });
  const token = await mint(rsa);
  expect(await verify(token, anyOrigin)).toMatchObject({ sub: 'diego' });
  shown = [{ ...rsa.jwk, kid: 'a' }]; // fetched anew
  expect(await verify(token, anyOrigin)).toMatchObject({ sub: 'diego' });
  for (shown of [[{ ...otherRsa.jwk, kid: 'a' }], []])
    expect(await errorOf(verify(token, anyOrigin))).toMatchObject(refused);
});
