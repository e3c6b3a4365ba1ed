import { describe, expect, test } from 'vitest';
import { createDiscovery } from './discovery.ts';
import { errorOf } from './issuer.test-support.ts';
import { createIssuerHttp, type JsonObject } from './issuer-http.ts';

const issuer = 'https://auth.example.com';

function open(metadata: JsonObject, name = issuer) {
  const asked: string[] = [];
  const http = createIssuerHttp({
    fetch: async (url) => {
      asked.push(String(url));
      return Response.json(metadata);
    },
  });
  return { asked, discovery: createDiscovery({ issuer: name, http }) };
}

test.each([
  ['https://auth.example.com', 'https://auth.example.com/.well-known/openid-configuration'],
  ['https://auth.example.com/', 'https://auth.example.com/.well-known/openid-configuration'],
  [
    'https://example.com/realms/home',
    'https://example.com/realms/home/.well-known/openid-configuration',
  ],
])('%s describes itself at %s', async (name, url) => {
  const { asked, discovery } = open({ issuer: name, jwks_uri: 'https://keys.example.com/' }, name);
  expect(await discovery.find('jwks_uri')).toBe('https://keys.example.com/');
  await discovery.find('jwks_uri');
  expect(asked).toEqual([url]);
  discovery.forget();
  await discovery.find('jwks_uri');
  expect(asked).toHaveLength(2);
});

describe('what is not believed', () => {
  test.each<[string, JsonObject]>([
    ['another issuer', { issuer: 'https://evil.example.com' }],
    ['the issuer with a slash', { issuer: `${issuer}/` }],
    ['the issuer in a list', { issuer: [issuer] }],
    [
      'keys without TLS, of an issuer with it',
      { issuer, jwks_uri: 'http://auth.example.com/jwks' },
    ],
    [
      'introspection without TLS, of an issuer with it',
      { issuer, introspection_endpoint: 'http://auth.example.com/' },
    ],
    ['keys in a file', { issuer, jwks_uri: 'file:///etc/passwd' }],
    ['keys at no URL', { issuer, jwks_uri: 'jwks' }],
    ['keys at a number', { issuer, jwks_uri: 1 }],
  ])('%s', async (_, metadata) => {
    const whole = { jwks_uri: 'https://keys.example.com/', ...metadata };
    expect(await errorOf(open(whole).discovery.find('jwks_uri'))).toMatchObject({
      code: 'SERVICE_UNAVAILABLE',
      details: { reason: 'ISSUER_UNAVAILABLE' },
    });
  });
});
