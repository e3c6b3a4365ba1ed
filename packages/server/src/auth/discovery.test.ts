import { describe, expect, test } from 'vitest';
import { errorOf, toLogText } from '../testing/issuer.test-support.ts';
import { createDiscovery } from './discovery.ts';
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

/** Answers a status, metadata, or 404 by address. */
function openAt(answers: Readonly<Record<string, JsonObject | number>>, name = issuer) {
  const asked: string[] = [];
  const http = createIssuerHttp({
    fetch: async (url) => {
      asked.push(String(url));
      const answer = answers[String(url)] ?? 404;
      return typeof answer === 'number'
        ? new Response('{}', { status: answer })
        : Response.json(answer);
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

describe("an issuer that has RFC 8414's metadata alone", () => {
  test.each([
    ['https://auth.example.com', 'https://auth.example.com/.well-known/oauth-authorization-server'],
    [
      'https://example.com/api/auth',
      'https://example.com/.well-known/oauth-authorization-server/api/auth',
    ],
    [
      'https://example.com/api/auth/',
      'https://example.com/.well-known/oauth-authorization-server/api/auth',
    ],
  ])('%s is found at %s', async (name, address) => {
    const metadata = { issuer: name, jwks_uri: 'https://keys.example.com/' };
    const { asked, discovery } = openAt({ [address]: metadata }, name);
    expect(await discovery.find('jwks_uri')).toBe('https://keys.example.com/');
    expect(asked).toHaveLength(2);
  });

  test('is not looked for where the first answer is a failure', async () => {
    const { asked, discovery } = openAt({ [`${issuer}/.well-known/openid-configuration`]: 500 });
    await errorOf(discovery.find('jwks_uri'));
    expect(asked).toHaveLength(1);
  });
});

describe('what is wrong with OIDC_ISSUER is said', () => {
  test.each<[string, string, string]>([
    [
      'https://a.example',
      'https://a.example/',
      'it is https://a.example/, OIDC_ISSUER is https://a.example',
    ],
    [
      'https://a.example/',
      'https://a.example',
      'it is https://a.example, OIDC_ISSUER is https://a.example/',
    ],
    [
      'https://a.example',
      'http://a.example',
      'it is http://a.example, OIDC_ISSUER is https://a.example',
    ],
  ])('%s, which calls itself %s', async (name, own, words) => {
    const error = await errorOf(open({ issuer: own }, name).discovery.find('jwks_uri'));
    expect(toLogText(error)).toContain(words);
    expect(error.message).not.toContain('a.example');
  });

  test('a path where no issuer is', async () => {
    const { discovery } = openAt({}, 'https://a.example/wrong');
    const text = toLogText(await errorOf(discovery.find('jwks_uri')));
    expect(text).toContain(
      'no issuer describes itself at OIDC_ISSUER, https://a.example/wrong (HTTP 404)',
    );
  });

  test('a wrong path, and the issuer that is at the root', async () => {
    const root = 'https://a.example/.well-known/openid-configuration';
    const { discovery } = openAt(
      { [root]: { issuer: 'https://a.example' } },
      'https://a.example/auth',
    );
    const text = toLogText(await errorOf(discovery.find('jwks_uri')));
    expect(text).toContain(
      '(HTTP 404), and at https://a.example there is one that says it is https://a.example;',
    );
  });

  test('a name that is no text is not shown', async () => {
    const { discovery } = open({ issuer: 'x\ny'.repeat(500) });
    expect(toLogText(await errorOf(discovery.find('jwks_uri')))).toContain(
      'nothing that could be one',
    );
  });
});

test.each<[JsonObject, string[]]>([
  [{}, ['header']],
  [{ token_endpoint_auth_methods_supported: ['client_secret_post'] }, ['form']],
  [
    { token_endpoint_auth_methods_supported: ['client_secret_post', 'client_secret_basic'] },
    ['header', 'form'],
  ],
  [{ token_endpoint_auth_methods_supported: ['private_key_jwt'] }, ['header']],
  [{ token_endpoint_auth_methods_supported: 'client_secret_post' }, ['header']],
  [
    {
      token_endpoint_auth_methods_supported: ['client_secret_basic'],
      introspection_endpoint_auth_methods_supported: ['client_secret_post'],
    },
    ['form'],
  ],
])('metadata with %j takes the secret in %j', async (metadata, expected) => {
  expect(await open({ issuer, ...metadata }).discovery.secretPlaces()).toEqual(expected);
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
