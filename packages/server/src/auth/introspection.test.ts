// The question to the issuer, and which answers make a token good.

import { describe, expect, test } from 'vitest';
import {
  active,
  audience,
  client,
  nowSeconds,
  startIntrospection,
  token,
} from '../testing/introspection.test-support.ts';
import {
  type Answer,
  discoveryPath,
  errorOf,
  sendJson,
  toLogText,
} from '../testing/issuer.test-support.ts';

const { issuer, discovery, open } = await startIntrospection();

test('the question is a form, and the API names itself with HTTP Basic', async () => {
  expect(await open().verify()).toMatchObject({
    sub: 'diego',
    clientId: 'cli',
    scopes: ['read', 'wake', 'admin'],
  });
  expect(issuer.requests.at(-1)).toEqual({
    method: 'POST',
    path: '/introspect',
    authorization: `Basic ${btoa('api:a secret: with/signs%2B%25')}`,
    contentType: 'application/x-www-form-urlencoded;charset=UTF-8',
    body: `token=${token}&token_type_hint=access_token`,
  });
});

describe('the secret of the API in Basic', () => {
  test.each([
    'with - _ . ~ ! signs',
    "base64/like==&;,'()*$@#?",
    'a+b%2Fc%%',
    'colon:s and ümlauts ☃',
    'tab\tand newline\n',
  ])(
    '%j is what an issuer has that decodes, and where nothing needs it one that does not',
    async (secret) => {
      await open({ client: { id: 'my:api+1', secret } }).verify();
      const [, encoded = ''] = issuer.requests.at(-1)?.authorization?.split(' ') ?? [];
      const [id = '', ...rest] = Buffer.from(encoded, 'base64').toString('utf8').split(':');
      const sent = rest.join(':');
      const decode = (text: string) => decodeURIComponent(text.replaceAll('+', '%20'));
      expect([decode(id), decode(sent)]).toEqual(['my:api+1', secret]);
      if (/^[\x20-\x7e]*$/.test(secret) && !/[+%]/.test(secret)) expect(sent).toBe(secret);
    },
  );

  test.each([401, 403, 400])(
    'goes into the form where the header is refused with %i and the issuer takes both, then always',
    async (status) => {
      issuer.answers[discoveryPath] = {
        ...(discovery as object),
        token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
      };
      issuer.answers['/introspect'] = ((response, { authorization }) => {
        if (authorization === undefined) sendJson(response, active());
        else response.writeHead(status).end('{"error":"invalid_client"}');
      }) satisfies Answer;
      const { verify, calls } = open();
      await verify();
      expect(calls()).toBe(2);
      await verify('another');
      expect(calls()).toBe(3);
      issuer.answers['/introspect'] = ((response) => response.writeHead(status).end()) as Answer;
      expect(await errorOf(verify('a-third'))).toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
    },
  );

  test('goes into the form where the issuer takes it in no header', async () => {
    issuer.answers[discoveryPath] = {
      ...(discovery as object),
      token_endpoint_auth_methods_supported: ['client_secret_post'],
    };
    await open().verify();
    const { authorization, body } = issuer.requests.at(-1) ?? { body: '' };
    expect(authorization).toBeUndefined();
    expect(Object.fromEntries(new URLSearchParams(body))).toEqual({
      token,
      token_type_hint: 'access_token',
      client_id: client.id,
      client_secret: client.secret,
    });
  });
});

test('without a client of its own the API takes no opaque token and asks nobody', async () => {
  const { verify, calls } = open({ client: undefined });
  expect(await errorOf(verify())).toMatchObject({
    code: 'UNAUTHORIZED',
    details: { reason: 'invalid_token' },
  });
  expect(calls()).toBe(0);
});

test('a configured endpoint is used without discovery', async () => {
  issuer.answers[discoveryPath] = undefined;
  await open({ introspectionUri: `${issuer.url}/introspect` }).verify();
});

describe('accepted', () => {
  test.each<[string, Record<string, unknown>, unknown]>([
    ['one audience as text', { aud: audience }, {}],
    ['our audience among others', { aud: ['x', audience] }, {}],
    ['no token_type', { token_type: undefined }, {}],
    ['token_type Bearer', { token_type: 'Bearer' }, {}],
    ['token_use access_token', { token_use: 'access_token' }, {}],
    ['no iat', { iat: undefined }, {}],
    ['the right iss', { iss: 'issuer' }, {}],
    ['a client that acts for itself', { sub: undefined }, { sub: 'cli' }],
    ['scope read', { scope: 'read' }, { scopes: ['read'] }],
    ['no scope', { scope: undefined }, { scopes: [] }],
    ['scp', { scope: undefined, scp: ['admin'] }, { scopes: ['read', 'wake', 'admin'] }],
    ['an exp that is over within the skew', { exp: nowSeconds() - 20 }, {}],
  ])('%s', async (_, change, expected) => {
    const iss = 'iss' in change ? { iss: issuer.url } : {};
    issuer.answers['/introspect'] = { ...active(), ...change, ...iss };
    expect(await open().verify()).toMatchObject({ clientId: 'cli', ...(expected as object) });
  });
});

describe('refused with invalid_token', () => {
  const soon = nowSeconds() + 300;
  test.each<[string, Record<string, unknown>]>([
    ['inactive', { active: false }],
    ['active a string', { active: 'true' }],
    ['active 1', { active: 1 }],
    ['active null', { active: null }],
    ['active a list', { active: [true] }],
    ['no active', { active: undefined }],
    ['another audience', { aud: ['https://other.example.com'] }],
    ['a longer audience', { aud: `${audience}/` }],
    ['no audience', { aud: undefined }],
    ['an empty list of audiences', { aud: [] }],
    ['audience null', { aud: null }],
    ['expired', { exp: nowSeconds() - 31 }],
    ['no exp', { exp: undefined }],
    ['exp a string', { exp: String(soon) }],
    ['exp 0', { exp: 0 }],
    ['not yet valid', { nbf: soon }],
    ['issued in the future', { iat: soon }],
    ['an empty sub', { sub: '' }],
    ['sub null', { sub: null }],
    ['no client_id', { client_id: undefined }],
    ['an empty client_id', { client_id: '' }],
    ['another issuer', { iss: 'https://evil.example.com' }],
    ['a DPoP token', { token_type: 'DPoP' }],
    ['token_type null', { token_type: null }],
    ['token_type refresh_token', { token_type: 'refresh_token' }],
    ['token_use refresh_token', { token_use: 'refresh_token' }],
    ['token_use id', { token_use: 'id' }],
    ['typ Refresh', { typ: 'Refresh' }],
    ['typ Offline', { typ: 'Offline' }],
    ['a token bound to a key', { cnf: { jkt: 'x' } }],
  ])('%s', async (_, change) => {
    issuer.answers['/introspect'] = { ...active(), ...change };
    const error = await errorOf(open().verify());
    expect(error).toMatchObject({ code: 'UNAUTHORIZED', details: { reason: 'invalid_token' } });
    expect(toLogText(error)).not.toContain(token);
  });

  test.each([
    'authelia_rt_Zm9vYmFy.c2VjcmV0',
    'AUTHELIA_RT_Zm9v',
    'authelia_ac_Zm9v',
    'authelia_dc_Zm9v',
  ])('%s by its prefix alone, unasked', async (value) => {
    const { verify, calls } = open();
    expect(await errorOf(verify(value))).toMatchObject({ code: 'UNAUTHORIZED' });
    expect(calls()).toBe(0);
  });

  test.each(['a.b.c', 'eyJhbGciOiJub25lIn0.e30', 'eyJhbGciOiJub25lIn0.e30.', 'eyJh.b.c.d.e'])(
    '%s, in the form of a JWT, is never introspected',
    async (value) => {
      issuer.answers['/jwks'] = { keys: [{ kty: 'oct', kid: 'x', k: 'AAAA' }] };
      const { verify, calls } = open();
      expect(await errorOf(verify(value))).toMatchObject({ code: 'UNAUTHORIZED' });
      expect(calls()).toBe(0);
    },
  );
});
