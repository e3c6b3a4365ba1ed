// Any Authorization header: in with a token of the issuer, else refused in a way that tells nothing of it.

import { AppError } from '@ondemand/core';
import * as fc from 'fast-check';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestIssuer, type TestIssuer } from '../testing/issuer.test-support.ts';
import type { Authenticate } from './authenticator.ts';
import { createAuthenticator } from './authenticator.ts';

const audience = 'https://ondemand.example.com';
const ours = await generateKeyPair('ES256', { extractable: true });
const foreign = await generateKeyPair('ES256');

let issuer: TestIssuer;
let authenticate: Authenticate;
const nowSeconds = Math.floor(Date.now() / 1000);

beforeAll(async () => {
  issuer = await startTestIssuer();
  issuer.answers['/jwks'] = { keys: [{ ...(await exportJWK(ours.publicKey)), kid: 'k1' }] };
  ({ authenticate } = createAuthenticator({
    issuer: issuer.url,
    audience,
    scopeNames: { read: 'read', wake: 'wake', admin: 'admin' },
  }));
});
afterAll(() => issuer[Symbol.asyncDispose]());

const good = () => ({
  iss: issuer.url,
  sub: 'diego',
  aud: audience,
  client_id: 'cli',
  scope: 'read',
  iat: nowSeconds,
  exp: nowSeconds + 3600,
  jti: '1',
});

const odd = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    '',
    ' ',
    0,
    -1,
    1e300,
    0.5,
    true,
    [],
    {},
    [null],
    'admin',
    'read admin',
    'https://ondemand.example.com/',
    ['https://ondemand.example.com', 'x'],
    '\0',
    '9999999999',
  ),
  fc.jsonValue({ maxDepth: 2 }),
);
const claim = fc.constantFrom(
  'iss',
  'sub',
  'aud',
  'client_id',
  'scope',
  'iat',
  'exp',
  'nbf',
  'jti',
  'scp',
  '__proto__',
  'azp',
  'x',
);
const header = fc.constantFrom(
  'alg',
  'kid',
  'typ',
  'crit',
  'jku',
  'jwk',
  'x5c',
  'b64',
  'zip',
  '__proto__',
);

async function ask(values: readonly string[]) {
  const origin = { network: 'home', async requireAttempt() {} };
  return authenticate(values, origin).then(
    (principal) => ({ principal }),
    (error: unknown) => {
      expect(error).toBeInstanceOf(AppError);
      const refusal = error as AppError; // as was just seen
      // So many unknown keys in a row are not looked for.
      const isUnknown = values.some(namesAnotherKey) && refusal.code === 'SERVICE_UNAVAILABLE';
      if (!isUnknown) expect(refusal.code).toMatch(/^(?:UNAUTHORIZED|BAD_REQUEST)$/);
      for (const value of values)
        for (const part of value.split(/[ .]/).filter(({ length }) => length > 24))
          expect(`${refusal.message}${JSON.stringify(refusal.details)}`).not.toContain(part);
      return { refusal };
    },
  );
}

function namesAnotherKey(value: string): boolean {
  const [head = ''] = value.replace(/^Bearer /, '').split('.');
  try {
    const { kid } = Object(JSON.parse(Buffer.from(head, 'base64url').toString()));
    return kid !== 'k1';
  } catch {
    return false;
  }
}

test('with any claims, signed by the issuer: in with what they say and no more', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(claim, odd), { maxLength: 3 }), async (changes) => {
      const claims = Object.fromEntries([...Object.entries(good()), ...changes]);
      const token = await new SignJWT(claims)
        .setProtectedHeader({ alg: 'ES256', kid: 'k1', typ: 'at+jwt' })
        .sign(ours.privateKey)
        .catch(() => undefined); // jose signs no number that is none
      if (token === undefined) return;
      const ended = await ask([`Bearer ${token}`]);
      if (changes.length === 0) expect(ended).toHaveProperty('principal');
      if (!('principal' in ended)) return;
      const { principal } = ended;
      expect(claims.iss).toBe(issuer.url);
      expect([claims.aud].flat()).toContain(audience);
      expect(claims.exp).toBeGreaterThan(nowSeconds);
      expect(principal.sub).toBe(claims.sub);
      const given = [claims.scope, claims.scp].flat().flatMap((each) => String(each).split(' '));
      if (principal.scopes.includes('admin')) expect(given).toContain('admin');
      if (principal.scopes.includes('read')) expect(given.join(' ')).toMatch(/read|admin/);
    }),
  );
});

test('with another signature, another header or any character changed: never in', async () => {
  const change = fc.oneof(
    fc.record({
      at: fc.nat(2000),
      letter: fc.constantFrom('A', 'b', '-', '_', '.', '=', ' ', '\u00e9'),
    }),
    fc.record({ header, value: odd }),
    fc.constant('foreign' as const),
  );
  await fc.assert(
    fc.asyncProperty(change, async (given) => {
      const isHeader = typeof given === 'object' && 'header' in given;
      const parts = { alg: 'ES256', kid: 'k1', typ: 'at+jwt' };
      const protectedHeader = isHeader
        ? Object.fromEntries([...Object.entries(parts), [given.header, given.value]])
        : parts;
      const key = given === 'foreign' ? foreign.privateKey : ours.privateKey;
      const token = await new SignJWT(good()).setProtectedHeader(parts).sign(key);
      const [, ...rest] = token.split('.');
      const changedHead = Buffer.from(JSON.stringify(protectedHeader)).toString('base64url');
      const at = typeof given === 'object' && 'at' in given ? given.at % (token.length - 1) : 0;
      const sent =
        given === 'foreign'
          ? token
          : isHeader
            ? [changedHead, ...rest].join('.')
            : `${token.slice(0, at)}${given.letter}${token.slice(at + 1)}`;
      fc.pre(given === 'foreign' || sent !== token);
      expect(await ask([`Bearer ${sent}`])).not.toHaveProperty('principal');
    }),
  );
});

test('with any text: refused', async () => {
  const text = fc.oneof(
    fc.string(),
    fc.string({ unit: 'binary' }),
    fc.string({ unit: fc.constantFrom(...'eyJ.abAB01-_=+/ ') }).map((each) => `Bearer ${each}`),
    fc.constantFrom('', 'Bearer', 'bearer ', 'BEARER\tx', 'Basic x', `Bearer ${'.'.repeat(5000)}`),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(text, { maxLength: 2 }), async (values) => {
      expect(await ask(values)).not.toHaveProperty('principal');
    }),
  );
});
