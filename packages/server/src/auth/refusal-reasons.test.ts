// A token that is refused is told why: one reason each, with what is at hand and what is taken, and nothing of its claims.

import { exportJWK, generateKeyPair, type JWTHeaderParameters, SignJWT } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  errorOf,
  startTestIssuer,
  type TestIssuer,
  unhurriedHttp,
} from '../testing/issuer.test-support.ts';
import { createAuthenticator } from './authenticator.ts';
import { requireScope } from './principal.ts';

const audience = 'https://ondemand.example.com';
const scopeNames = { read: 'read', wake: 'wake', admin: 'admin' };
const pair = await generateKeyPair('RS256', { extractable: true });
const publicJwk = { ...(await exportJWK(pair.publicKey)), kid: 'a', alg: 'RS256' };
const foreign = await generateKeyPair('RS256');

let issuer: TestIssuer;
beforeAll(async () => {
  issuer = await startTestIssuer();
});
afterAll(() => issuer[Symbol.asyncDispose]());
beforeEach(() => {
  issuer.answers['/jwks'] = { keys: [publicJwk] };
});

const nowSeconds = () => Math.floor(Date.now() / 1000);

interface TokenOptions {
  readonly claims?: Record<string, unknown>;
  readonly header?: Partial<JWTHeaderParameters> & Record<string, unknown>;
  readonly key?: typeof pair.privateKey;
}

function mint({ claims, header, key = pair.privateKey }: TokenOptions): Promise<string> {
  return new SignJWT({
    iss: issuer.url,
    sub: 'diego-the-subject',
    aud: audience,
    client_id: 'cli-the-client',
    scope: 'read',
    iat: nowSeconds(),
    exp: nowSeconds() + 300,
    ...claims,
  })
    .setProtectedHeader({ alg: 'RS256', typ: 'at+jwt', kid: 'a', ...header })
    .sign(key);
}

const open = (options: Partial<Parameters<typeof createAuthenticator>[0]> = {}) =>
  createAuthenticator({ http: unhurriedHttp, issuer: issuer.url, audience, scopeNames, ...options })
    .authenticate;

const ask = async (options: TokenOptions, settings?: Parameters<typeof open>[0]) =>
  open(settings)([`Bearer ${await mint(options)}`]);

describe('a refused JWT says which of these it is', () => {
  test.each<[string, TokenOptions, RegExp]>([
    ['typ JWT', { header: { typ: 'JWT' } }, /typ is JWT, not at\+jwt; .*OIDC_ACCESS_TOKEN_TYP/],
    ['a typ that is not printable', { header: { typ: 'x\u0000y' } }, /typ is malformed, not at/],
    ['no typ', { header: { typ: undefined as never } }, /typ is missing, not at\+jwt/],
    ['no kid', { header: { kid: undefined as never } }, /has no kid/],
    ['a malformed kid', { header: { kid: 'x'.repeat(300) } }, /malformed kid/],
    ['jku', { header: { jku: 'https://evil.example.com/' } }, /header has jku, which/],
    [
      'an unknown key',
      { header: { kid: 'new' }, key: foreign.privateKey },
      /key \(kid\).*does not publish/,
    ],
    ['another key', { key: foreign.privateKey }, /signature is not valid/],
    [
      'another audience',
      { claims: { aud: 'other-audience' } },
      /another audience; .*OIDC_AUDIENCE, https:\/\/ondemand\.example\.com/,
    ],
    ['no audience', { claims: { aud: undefined } }, /has no aud/],
    [
      'another issuer',
      { claims: { iss: 'https://evil.example.com' } },
      /another issuer than OIDC_ISSUER, http/,
    ],
    ['no issuer', { claims: { iss: undefined } }, /has no iss/],
    [
      'expired',
      { claims: { exp: nowSeconds() - 90 } },
      /expired, \d+ (?:s|min) ago by this API's clock.*ahead of/,
    ],
    ['expired long ago', { claims: { exp: nowSeconds() - 5 * 3600 } }, /expired, 5 h ago/],
    [
      'iat ahead',
      { claims: { iat: nowSeconds() + 600 } },
      /by its iat this API's clock is (?:9|10) min behind/,
    ],
    [
      'nbf ahead',
      { claims: { nbf: nowSeconds() + 80 } },
      /by its nbf this API's clock is \d+ (?:s|min) behind/,
    ],
    ['no exp', { claims: { exp: undefined } }, /has no exp/],
    ['no iat', { claims: { iat: undefined } }, /has no iat/],
    ['no sub', { claims: { sub: undefined } }, /has no sub/],
    ['no client_id', { claims: { client_id: undefined } }, /has no client_id/],
    ['sub null', { claims: { sub: null } }, /has no sub/],
    [
      'azp in place of client_id',
      { claims: { client_id: undefined, azp: 'cli' } },
      /has no client_id/,
    ],
    ['exp a string', { claims: { exp: '99999999999' } }, /malformed exp/],
    ['sub a number', { claims: { sub: 5 } }, /malformed sub/],
    ['cnf', { claims: { cnf: { jkt: 'x' } } }, /bound to a key \(cnf/],
  ])('%s', async (_, options, message) => {
    const error = await errorOf(ask(options));
    expect(error).toMatchObject({
      code: 'UNAUTHORIZED',
      message: expect.stringMatching(message),
      details: { reason: 'invalid_token' },
    });
    expect(error.message).not.toMatch(/diego|cli-the|other-audience|evil|999999/);
  });

  test.each([
    [
      'alg HS256',
      { alg: 'HS256', typ: 'at+jwt', kid: 'a' },
      /alg is HS256; taken are RS256, .*EdDSA/,
    ],
    ['alg none', { alg: 'none', typ: 'at+jwt', kid: 'a' }, /alg is none/],
    ['no alg', { typ: 'at+jwt', kid: 'a' }, /alg is missing/],
  ])('%s', async (_, header, message) => {
    const token = ['', ...(await mint({})).split('.').slice(1)];
    token[0] = Buffer.from(JSON.stringify(header)).toString('base64url');
    const error = await errorOf(open()([`Bearer ${token.join('.')}`]));
    expect(error).toMatchObject({ code: 'UNAUTHORIZED', message: expect.stringMatching(message) });
  });

  test('encrypted', async () => {
    const header = { alg: 'RSA-OAEP', enc: 'A256GCM', typ: 'at+jwt', kid: 'a' };
    const token = `${Buffer.from(JSON.stringify(header)).toString('base64url')}.AAAA.AAAA.AAAA.AAAA`;
    expect((await errorOf(open()([`Bearer ${token}`]))).message).toMatch(/encrypted \(JWE\)/);
  });

  test('not signed at all', async () => {
    const [, payload] = (await mint({})).split('.');
    const header = Buffer.from('{"alg":"none","typ":"at+jwt","kid":"a"}').toString('base64url');
    const error = await errorOf(open()([`Bearer ${header}.${payload}.`]));
    expect(error).toMatchObject({ code: 'UNAUTHORIZED' });
    expect(error.message).toMatch(/alg is none; taken are/);
  });

  test('cut short', async () => {
    const token = (await mint({})).split('.').slice(0, 2).join('.');
    expect((await errorOf(open()([`Bearer ${token}`]))).message).toMatch(/malformed/);
  });

  test('a key of another algorithm', async () => {
    issuer.answers['/jwks'] = { keys: [{ ...publicJwk, alg: 'RS512' }] };
    expect((await errorOf(ask({}))).message).toMatch(/signed with RS256.*another alg/);
  });
});

test('a token without a typ is a JWT like any other where those are taken, and judged by its claims', async () => {
  const typs = ['at+jwt', 'jwt'];
  const header = { typ: undefined as never };
  expect(await ask({ header }, { typs })).toMatchObject({ scopes: ['read'] });
  const idToken = ask({ header, claims: { nonce: 'x' } }, { typs });
  expect((await errorOf(idToken)).message).toMatch(/not an access token: it has nonce/);
});

describe('a refused opaque token says which of these it is', () => {
  const introspect = async (answer: Record<string, unknown>, token = 'opaque') => {
    issuer.answers['/introspect'] = {
      active: true,
      sub: 'diego-the-subject',
      aud: audience,
      client_id: 'cli-the-client',
      exp: nowSeconds() + 300,
      ...answer,
    };
    const client = { id: 'api', secret: 'secret' };
    return (await errorOf(open({ client })([`Bearer ${token}`]))).message;
  };

  test.each<[string, Record<string, unknown>, RegExp]>([
    ['not active', { active: false }, /not known to its issuer, or it has expired or was revoked/],
    ['no client', { client_id: undefined }, /issuer's answer about the token has no client_id/],
    [
      'neither sub nor client',
      { client_id: undefined, sub: undefined },
      /issuer's answer about the token has no (?:sub|client_id)/,
    ],
    ['no audience', { aud: undefined }, /issuer's answer about the token has no aud/],
    ['another audience', { aud: 'x' }, /another audience/],
    ['a refresh token', { token_use: 'refresh_token' }, /refresh or ID token/],
    ['DPoP', { token_type: 'DPoP' }, /another token_type than Bearer/],
    ['bound to a key', { cnf: { jkt: 'x' } }, /bound to a key/],
  ])('%s', async (_, answer, message) => {
    expect(await introspect(answer)).toMatch(message);
  });

  test("Authelia's refresh token, by its prefix", async () => {
    expect(await introspect({}, 'authelia_rt_x')).toMatch(/another kind of Authelia's/);
  });

  test('any, where the API is no client of its issuer', async () => {
    expect((await errorOf(open()(['Bearer opaque']))).message).toMatch(/OIDC_CLIENT_ID/);
  });
});

describe('with OIDC_ACCESS_TOKEN_TYP=at+jwt,JWT', () => {
  const typs = ['at+jwt', 'jwt'];
  const jwt = (claims: Record<string, unknown>, more: TokenOptions = {}) =>
    ask({ header: { typ: 'JWT' }, claims, ...more }, { typs });

  test.each<[string, Record<string, unknown>]>([
    ['as it is', {}],
    ['Keycloak', { client_id: undefined, azp: 'cli', typ: 'Bearer', nonce: 'x' }],
    ['Authentik, whose audience is the client', { client_id: undefined, azp: audience, uid: 'x' }],
    ['Cognito', { token_use: 'access' }],
    ['Pocket ID', { type: 'oauth-access-token' }],
  ])('an access token is let in: %s', async (_, claims) => {
    expect(await jwt(claims)).toMatchObject({ sub: 'diego-the-subject', scopes: ['read'] });
  });

  test.each<[string, Record<string, unknown>, RegExp]>([
    ['nonce', { nonce: 'x' }, /not an access token: it has nonce/],
    ['at_hash', { at_hash: 'x' }, /it has at_hash/],
    ['c_hash', { c_hash: 'x' }, /it has c_hash/],
    [
      'the client as audience, and no scope',
      { aud: audience, client_id: audience, scope: undefined },
      /its own client/,
    ],
    [
      'the client as azp and audience, and no scope',
      { aud: [audience], client_id: undefined, azp: audience, scope: undefined },
      /its own client/,
    ],
    ["Keycloak's ID token", { typ: 'ID' }, /another kind/],
    ["Keycloak's refresh token", { typ: 'Refresh' }, /another kind/],
    ["Cognito's ID token", { token_use: 'id' }, /another kind/],
    ["Pocket ID's ID token", { type: 'id-token' }, /another kind/],
  ])('an ID token is refused: %s', async (_, claims, message) => {
    expect((await errorOf(jwt(claims))).message).toMatch(message);
  });

  test('at+jwt is taken as before, and anything else is not', async () => {
    expect(await ask({}, { typs })).toMatchObject({ scopes: ['read'] });
    const error = await errorOf(ask({ header: { typ: 'dpop+jwt' } }, { typs }));
    expect(error.message).toMatch(/typ is dpop\+jwt, not at\+jwt or jwt/);
    const azp = { client_id: undefined, azp: 'cli' };
    expect((await errorOf(ask({ claims: azp }, { typs }))).message).toMatch(/has no client_id/);
  });
});

describe('OIDC_SCOPES_CLAIM', () => {
  test.each<[string[], Record<string, unknown>, string[]]>([
    [
      ['realm_access.roles'],
      { realm_access: { roles: ['x', 'admin'] } },
      ['read', 'wake', 'admin'],
    ],
    [['realm_access.roles'], { realm_access: ['admin'] }, []],
    [['realm_access.roles'], { scope: 'admin' }, []],
    [['groups'], { groups: ['read'] }, ['read']],
    [['groups', 'scope'], { groups: ['read'], scope: 'read admin' }, ['read']],
    [['groups', 'scope'], { groups: undefined, scope: 'admin' }, ['read', 'wake', 'admin']],
    [['https://example.com/roles'], { 'https://example.com/roles': ['read'] }, ['read']],
    [['a.b'], { 'a.b': 'read', a: { b: 'admin' } }, ['read']],
    [['__proto__.x', 'constructor.name'], {}, []],
    [['groups.0'], { groups: ['admin'] }, ['read', 'wake', 'admin']],
  ])('%j in %j grants %j', async (scopesClaims, claims, scopes) => {
    expect(await ask({ claims }, { scopesClaims })).toMatchObject({ scopes });
  });
});

test('a missing scope is told with what the token has', async () => {
  const principal = await ask({});
  expect(() => requireScope(principal, ['admin'], scopeNames)).toThrow(/"admin".*it grants read/);
  const none = await ask({ claims: { scope: 'openid' } });
  expect(() => requireScope(none, ['read', 'wake'], scopeNames)).toThrow(
    /"read" or "wake".*none of this API's/,
  );
});
