// The issuer's part of a diagnosis, before issuers that do one thing wrong each.

import { expect, test } from 'vitest';
import {
  discoveryPath,
  type sendJson,
  startTestIssuer,
  type TestIssuer,
} from '../testing/issuer.test-support.ts';
import { checkIssuer, type IssuerCheckOptions } from './issuer-checks.ts';

const client = { id: 'api', secret: 'the-secret-of-the-api' };
const keys = { keys: [{ kty: 'RSA', kid: 'k1', n: 'AQAB', e: 'AQAB' }] };

async function check(issuer: TestIssuer, options: Partial<IssuerCheckOptions> = {}) {
  const rules = {
    issuer: issuer.url,
    audience: 'api',
    scopeNames: { read: 'read', wake: 'wake', admin: 'admin' },
  };
  const { checks, clockOffsets } = await checkIssuer({ rules, client, ...options });
  const text = JSON.stringify(checks);
  expect(text).not.toContain(client.secret);
  expect(text).not.toContain('words of the issuer');
  return {
    states: Object.fromEntries(checks.map(({ name, status }) => [name, status])),
    text,
    clockOffsets,
  };
}

test('an issuer that does all of it is ok, and tells its time', async () => {
  await using issuer = await startTestIssuer();
  Object.assign(issuer.answers, { '/jwks': keys, '/introspect': { active: false } });
  const date = () => new Date(Date.now() + 60_000);
  const { states, clockOffsets } = await check(issuer, { date });
  expect(states).toEqual({ issuer: 'ok', 'issuer-keys': 'ok', 'issuer-client': 'ok' });
  expect(clockOffsets[0]?.of).toBe('the issuer');
  expect(clockOffsets[0]?.offsetMs).toBeLessThan(-30_000); // this clock is ahead
});

test('without a client opaque tokens are not asked about, which is no failure', async () => {
  await using issuer = await startTestIssuer();
  issuer.answers['/jwks'] = keys;
  const { states, text } = await check(issuer, { client: undefined });
  expect(states).toEqual({ issuer: 'ok', 'issuer-keys': 'ok', 'issuer-client': 'skipped' });
  expect(text).toContain('OIDC_CLIENT_ID and OIDC_CLIENT_SECRET');
  expect(issuer.count('/introspect')).toBe(0);
});

test('an issuer that calls itself by a last slash is told with both spellings', async () => {
  await using issuer = await startTestIssuer();
  const itself = `${issuer.url}/`;
  issuer.answers[discoveryPath] = { issuer: itself, jwks_uri: `${issuer.url}/jwks` };
  const { states, text } = await check(issuer);
  expect(states).toMatchObject({ issuer: 'failed' });
  expect(text).toContain(`it is ${itself}, OIDC_ISSUER is ${issuer.url}"`);
});

test('what stands on a discovery that failed is skipped, unless it is configured', async () => {
  await using issuer = await startTestIssuer();
  Object.assign(issuer.answers, {
    [discoveryPath]: { issuer: 'https://other.example.com' },
    '/jwks': keys,
  });
  const { states, text } = await check(issuer);
  expect(states).toEqual({
    issuer: 'failed',
    'issuer-keys': 'skipped',
    'issuer-client': 'skipped',
  });
  expect(text).toContain('the issuer says that it is https://other.example.com, OIDC_ISSUER is');
  const configured = await check(issuer, { jwksUri: `${issuer.url}/jwks`, client: undefined });
  expect(configured.states).toMatchObject({ issuer: 'ok', 'issuer-keys': 'ok' });
});

test('a client that the issuer refuses is told, without the words of the issuer', async () => {
  await using issuer = await startTestIssuer();
  issuer.answers['/jwks'] = { keys: [] };
  issuer.answers['/introspect'] = (response: Parameters<typeof sendJson>[0]) => {
    response.writeHead(401, { 'content-type': 'application/json' });
    response.end('{"error":"invalid_client","error_description":"words of the issuer"}');
  };
  const { states, text } = await check(issuer);
  expect(states).toEqual({ issuer: 'ok', 'issuer-keys': 'failed', 'issuer-client': 'failed' });
  expect(text).toContain('check OIDC_CLIENT_ID and OIDC_CLIENT_SECRET');
  expect(text).toContain('publishes no signing key');
});
