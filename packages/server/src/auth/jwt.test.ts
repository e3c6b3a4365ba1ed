import type { webcrypto } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AppError } from '@ondemand/core';
import { exportJWK, generateKeyPair, importJWK, type JWTHeaderParameters, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { unhurriedHttp } from '../testing/issuer.test-support.ts';
import { createAuthenticator } from './authenticator.ts';
import { toChallenge } from './challenge.ts';

const audience = 'https://ondemand.example.com';
const rsa = await generateKeyPair('RS256', { extractable: true });
const ec = await generateKeyPair('ES256', { extractable: true });
const foreign = await generateKeyPair('RS256');
const rsaPublic = { ...(await exportJWK(rsa.publicKey)), kid: 'rsa', alg: 'RS256', use: 'sig' };
const ecPublic = { ...(await exportJWK(ec.publicKey)), kid: 'ec', use: 'sig' };
const anyPublic = { ...(await exportJWK(rsa.publicKey)), kid: 'any' };
const otherPublic = { ...(await exportJWK(rsa.publicKey)), kid: 'other', alg: 'RS512' };
const ps256 = await importJWK({ ...(await exportJWK(rsa.privateKey)), alg: 'PS256' }, 'PS256');
const rs512 = await importJWK({ ...(await exportJWK(rsa.privateKey)), alg: 'RS512' }, 'RS512');

let issuer = '';
let jwksFetches = 0;
let answer: 'keys' | 'html' | 'error' | 'redirect' | 'foreign issuer' = 'keys';
const requests: string[] = [];
const provider = createServer((request, response) => {
  requests.push(request.url ?? '');
  if (answer === 'html') return response.end('<html>');
  if (answer === 'error') return response.writeHead(500).end('{}');
  if (answer === 'redirect') return response.writeHead(302, { location: '/elsewhere' }).end();
  if (request.url === '/.well-known/openid-configuration')
    return response.writeHead(200, { 'content-type': 'application/json' }).end(
      JSON.stringify({
        issuer: answer === 'foreign issuer' ? 'https://evil.example' : issuer,
        jwks_uri: `${issuer}/jwks.json`,
      }),
    );
  jwksFetches += 1;
  return response.end(JSON.stringify({ keys: [rsaPublic, ecPublic, anyPublic, otherPublic] }));
});

beforeAll(async () => {
  await new Promise<void>((resolve) => provider.listen(0, '127.0.0.1', resolve));
  issuer = `http://127.0.0.1:${(provider.address() as AddressInfo).port}`;
});
afterAll(() => {
  provider.closeAllConnections();
  provider.close();
});

const authenticator = () =>
  createAuthenticator({
    http: unhurriedHttp,
    issuer,
    audience,
    scopeNames: { read: 'read', wake: 'wake', admin: 'admin' },
    now: () => 0, // so that no budget refills, however slow the machine is
  }).authenticate;

interface TokenOptions {
  readonly claims?: Record<string, unknown>;
  readonly header?: Partial<JWTHeaderParameters>;
  readonly key?: webcrypto.CryptoKey | Uint8Array;
}

const nowSeconds = () => Math.floor(Date.now() / 1000);

function mint({ claims = {}, header = {}, key = rsa.privateKey }: TokenOptions = {}) {
  return new SignJWT({
    iss: issuer,
    sub: 'diego',
    aud: audience,
    client_id: 'cli',
    scope: 'read',
    iat: nowSeconds(),
    exp: nowSeconds() + 300,
    ...claims,
  })
    .setProtectedHeader({ alg: 'RS256', typ: 'at+jwt', kid: 'rsa', ...header })
    .sign(key);
}

const verify = async (options?: TokenOptions) => authenticator()([`Bearer ${await mint(options)}`]);

async function refusal(authorization: string[] | undefined, authenticate = authenticator()) {
  const error = await authenticate(authorization).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof AppError)) throw new Error('it was let in', { cause: error });
  return error;
}

describe('valid tokens', () => {
  test.each<[string, TokenOptions, string[]]>([
    ['scope read', {}, ['read']],
    ['scope admin', { claims: { scope: 'admin' } }, ['read', 'wake', 'admin']],
    ["Authelia's scp", { claims: { scope: undefined, scp: ['read'] } }, ['read']],
    ['scope and scp that differ', { claims: { scope: 'read admin', scp: ['read'] } }, ['read']],
    ['a key that names no algorithm', { header: { kid: 'any' } }, ['read']],
    ['several audiences', { claims: { aud: ['other', audience] } }, ['read']],
    ['the long media type', { header: { typ: 'application/at+jwt' } }, ['read']],
    ['ES256', { header: { alg: 'ES256', kid: 'ec' }, key: ec.privateKey }, ['read']],
    ['PS256', { header: { alg: 'PS256', kid: 'any' }, key: ps256 }, ['read']],
    ['RS512', { header: { alg: 'RS512', kid: 'other' }, key: rs512 }, ['read']],
    [
      '20 seconds of skew',
      { claims: { iat: nowSeconds() + 20, nbf: nowSeconds() + 20 } },
      ['read'],
    ],
    ...[
      'readonly',
      'READ',
      'read,admin',
      ' ',
      'admin\tread',
      ['read admin'],
      { read: true },
      1,
      null,
    ].map((scope): [string, TokenOptions, string[]] => [
      `scope ${JSON.stringify(scope)} grants nothing`,
      { claims: { scope } },
      [],
    ]),
  ])('%s', async (_, options, scopes) => {
    expect(await verify(options)).toMatchObject({ sub: 'diego', clientId: 'cli', scopes });
  });
});

describe('tokens that are refused with invalid_token', () => {
  const soon = nowSeconds() + 300;
  test.each<[string, TokenOptions]>([
    ['foreign key', { key: foreign.privateKey }],
    ['expired', { claims: { exp: nowSeconds() - 31 } }],
    ['no exp', { claims: { exp: undefined } }],
    ['exp a string', { claims: { exp: String(soon) } }],
    ['exp beyond time', { claims: { exp: 1e300 } }],
    ['exp in milliseconds', { claims: { exp: soon * 1000 } }],
    ['nbf in the future', { claims: { nbf: soon } }],
    ['iat in the future', { claims: { iat: soon } }],
    ['no iat', { claims: { iat: undefined } }],
    ['no sub', { claims: { sub: undefined } }],
    ['no client_id', { claims: { client_id: undefined } }],
    ['another audience', { claims: { aud: 'https://ondemand.example.com.evil' } }],
    ['audience as a prefix', { claims: { aud: 'https://ondemand.example.co' } }],
    ['audience with a slash', { claims: { aud: `${audience}/` } }],
    ['no audience', { claims: { aud: undefined } }],
    ['audience null', { claims: { aud: null } }],
    ['another issuer', { claims: { iss: 'https://auth.example.com' } }],
    ['issuer with a slash', { claims: { iss: 'http://127.0.0.1/' } }],
    ['issuer a list', { claims: { iss: [issuer] } }],
    ['an ID token', { header: { typ: 'JWT' } }],
    ['no typ', { header: { typ: undefined as never } }],
    ['no kid', { header: { kid: undefined as never } }],
    ['unknown kid', { header: { kid: '../../etc/passwd' } }],
    ['kid __proto__', { header: { kid: '__proto__' } }],
    ['long kid', { header: { kid: 'x'.repeat(4096) } }],
    ['embedded key', { header: { jwk: rsaPublic } }],
    ['key elsewhere', { header: { jku: 'http://127.0.0.1:9/keys' } }],
    ['certificate chain', { header: { x5c: ['MII'] } }],
    ['unknown critical', { header: { cty: 'JWT' } }],
    ['PS256 with a key that is for RS256', { header: { alg: 'PS256', kid: 'rsa' }, key: ps256 }],
    ['RS512 with a key that is for RS256', { header: { alg: 'RS512', kid: 'rsa' }, key: rs512 }],
    ['RS256 with a key that is for RS512', { header: { kid: 'other' } }],
    ['the key of another algorithm', { header: { alg: 'ES256', kid: 'rsa' }, key: ec.privateKey }],
  ])('%s', async (_, options) => {
    const error = await refusal([`Bearer ${await mint(options)}`]);
    expect(error).toMatchObject({ code: 'UNAUTHORIZED', details: { reason: 'invalid_token' } });
  });

  test.each<[string, (token: string) => string]>([
    ['not a token', () => 'garbage'],
    ['opaque', () => 'authelia_at_abcdef'],
    ['two segments', (token) => token.split('.').slice(0, 2).join('.')],
    ['four segments', (token) => `${token}.x`],
    ['five segments', (token) => `${token}.x.y`],
    ['empty signature', (token) => `${token.split('.').slice(0, 2).join('.')}.`],
    [
      'flipped signature',
      (token) => token.slice(0, -10) + (token.at(-10) === 'A' ? 'B' : 'A') + token.slice(-9),
    ],
    ['padding', (token) => `${token}==`],
    [
      'stray bits in the last character',
      (token) => token.slice(0, -1) + nextCharacter(token.at(-1)),
    ],
    ['alg none', (token) => swapHeader(token, { alg: 'none', typ: 'at+jwt', kid: 'rsa' })],
    ['alg NoNe', (token) => swapHeader(token, { alg: 'NoNe', typ: 'at+jwt', kid: 'rsa' })],
    ['alg HS256', (token) => swapHeader(token, { alg: 'HS256', typ: 'at+jwt', kid: 'rsa' })],
    [
      'b64 false',
      (token) =>
        swapHeader(token, { alg: 'RS256', typ: 'at+jwt', kid: 'rsa', b64: false, crit: ['b64'] }),
    ],
    ['a header that is no JSON', (token) => `eyJ.${token.split('.').slice(1).join('.')}`],
  ])('%s', async (_, change) => {
    const token = change(await mint());
    const error = await refusal([`Bearer ${token}`]);
    expect(error).toMatchObject({ code: 'UNAUTHORIZED', details: { reason: 'invalid_token' } });
    expect(`${error.message}${JSON.stringify(error.details)}`).not.toContain(token);
  });

  function swapHeader(token: string, header: unknown): string {
    return [
      Buffer.from(JSON.stringify(header)).toString('base64url'),
      ...token.split('.').slice(1),
    ].join('.');
  }

  /** RSA-2048's signature leaves bits of the last character unused. */
  function nextCharacter(character = 'A'): string {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    return alphabet.charAt(alphabet.indexOf(character) + 1);
  }
});

describe('credentials in another form', () => {
  test.each<[string, string[] | undefined, string, string | undefined]>([
    ['none', undefined, 'UNAUTHORIZED', undefined],
    ['another scheme', ['Basic eDp5'], 'UNAUTHORIZED', undefined],
    ['Bearer and nothing', ['Bearer'], 'BAD_REQUEST', 'invalid_request'],
    ['Bearer and blanks', ['Bearer   '], 'BAD_REQUEST', 'invalid_request'],
    ['two tokens', ['Bearer a b'], 'BAD_REQUEST', 'invalid_request'],
    ['two headers', ['Bearer a', 'Bearer b'], 'BAD_REQUEST', 'invalid_request'],
    ['odd characters', ['Bearer {}'], 'UNAUTHORIZED', 'invalid_token'],
  ])('%s', async (_, headers, code, reason) => {
    const error = await refusal(headers);
    expect({ code: error.code, reason: error.details.reason }).toEqual({ code, reason });
    expect(toChallenge(error, 'https://x/meta')).toMatch(
      reason === undefined
        ? /^Bearer realm="ondemand", resource_metadata="https:\/\/x\/meta"$/
        : new RegExp(
            `^Bearer realm="ondemand", error="${reason}", error_description="[^"]+", resource_metadata=`,
          ),
    );
  });

  test('the scheme is case-insensitive', async () => {
    expect(await authenticator()([`bEaReR ${await mint()}`])).toMatchObject({ sub: 'diego' });
  });
});

describe('the issuer', () => {
  test('is asked once for the keys, and three times more for two hundred unknown key ids', async () => {
    const authenticate = authenticator();
    const before = jwksFetches;
    const token = await mint();
    await Promise.all(Array.from({ length: 20 }, () => authenticate([`Bearer ${token}`])));
    expect(jwksFetches - before).toBe(1);
    const [, payload, signature] = token.split('.');
    const answers: string[] = [];
    for (let index = 0; index < 200; index += 1) {
      const header = Buffer.from(JSON.stringify({ alg: 'RS256', typ: 'at+jwt', kid: `k${index}` }));
      const { code, details } = await refusal(
        [`Bearer ${header.toString('base64url')}.${payload}.${signature}`],
        authenticate,
      );
      answers.push(`${code} ${details.reason}`);
    }
    expect(answers).toEqual([
      ...Array(3).fill('UNAUTHORIZED invalid_token'),
      ...Array(197).fill('SERVICE_UNAVAILABLE TOKEN_NOT_CHECKED'),
    ]);
    expect(jwksFetches - before).toBe(4);
  });

  test('is asked once more for all that its own key signed under ids which are not the key’s', async () => {
    const authenticate = authenticator();
    const before = jwksFetches;
    await authenticate([`Bearer ${await mint()}`]);
    for (let index = 0; index < 50; index += 1)
      expect(
        await refusal([`Bearer ${await mint({ header: { kid: `k${index}` } })}`], authenticate),
      ).toMatchObject({ code: 'UNAUTHORIZED' });
    expect(jwksFetches - before).toBe(2);
  });

  test('is not asked about tokens that would be refused whatever their key', async () => {
    const authenticate = authenticator();
    await authenticate([`Bearer ${await mint()}`]);
    const before = jwksFetches;
    for (const claims of [{ aud: 'x' }, { iss: 'https://x' }, { exp: 1 }, { sub: undefined }])
      await refusal([`Bearer ${await mint({ claims, header: { kid: 'new' } })}`], authenticate);
    expect(jwksFetches).toBe(before);
  });

  test.each(['html', 'error', 'redirect', 'foreign issuer'] as const)(
    'answering %s is 503 with Retry-After, is left alone for a while, and never lets in',
    async (fault) => {
      const token = await mint();
      const authenticate = authenticator();
      answer = fault;
      const before = requests.length;
      try {
        for (let index = 0; index < 3; index += 1)
          expect(await refusal([`Bearer ${token}`], authenticate)).toMatchObject({
            code: 'SERVICE_UNAVAILABLE',
            details: { reason: 'ISSUER_UNAVAILABLE', retryAfterSeconds: 5 },
          });
        expect(requests.length - before).toBe(1);
      } finally {
        answer = 'keys';
      }
    },
  );

  test('being down is 503', async () => {
    const authenticate = createAuthenticator({
      issuer: 'http://127.0.0.1:1',
      audience,
      scopeNames: { read: 'read', wake: 'wake', admin: 'admin' },
    }).authenticate;
    const token = await mint({ claims: { iss: 'http://127.0.0.1:1' } });
    expect(await refusal([`Bearer ${token}`], authenticate)).toMatchObject({
      code: 'SERVICE_UNAVAILABLE',
    });
  });
});

test('a token that is remembered is refused once it has expired, and only it is remembered', async () => {
  let skippedMs = 0;
  const { authenticate } = createAuthenticator({
    http: unhurriedHttp,
    issuer,
    audience,
    scopeNames: { read: 'read', wake: 'wake', admin: 'admin' },
    date: () => new Date(Date.now() + skippedMs),
  });
  const token = await mint({ claims: { exp: nowSeconds() + 10 } });
  for (let index = 0; index < 3; index += 1)
    expect(await authenticate([`Bearer ${token}`])).toMatchObject({ sub: 'diego' });
  const [header, , signature] = token.split('.');
  const claims = { iss: issuer, sub: 'mallory', aud: audience, client_id: 'cli', scope: 'admin' };
  const payload = Buffer.from(
    JSON.stringify({ ...claims, iat: nowSeconds(), exp: nowSeconds() + 10 }),
  ).toString('base64url');
  await expect(authenticate([`Bearer ${header}.${payload}.${signature}`])).rejects.toMatchObject({
    code: 'UNAUTHORIZED',
  });
  skippedMs = 60_000;
  await expect(authenticate([`Bearer ${token}`])).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
});

test('a token that is remembered is refused while the clock is set back before it', async () => {
  let skippedMs = 0;
  const { authenticate } = createAuthenticator({
    http: unhurriedHttp,
    issuer,
    audience,
    scopeNames: { read: 'read', wake: 'wake', admin: 'admin' },
    date: () => new Date(Date.now() + skippedMs),
  });
  const token = await mint();
  expect(await authenticate([`Bearer ${token}`])).toMatchObject({ sub: 'diego' });
  skippedMs = -600_000;
  await expect(authenticate([`Bearer ${token}`])).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
  skippedMs = 0;
  expect(await authenticate([`Bearer ${token}`])).toMatchObject({ sub: 'diego' });
});
